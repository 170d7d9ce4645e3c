"""Finished work as one file, which a lab without key and network plays again."""
