"""Observed server behaviour, stored without keys, paths or other private text; and the redaction rules."""
