"""Backups of the database, damage detection, and salvage from a damaged file."""
