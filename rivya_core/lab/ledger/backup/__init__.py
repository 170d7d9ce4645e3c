"""Copies of the database, and what can still be had from a damaged one."""
