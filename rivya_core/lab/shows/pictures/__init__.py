"""Clips for chats: contact sheets, side-by-side videos, clips that carry their settings."""
