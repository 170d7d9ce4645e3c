"""The Vote page's parts: the blind ballot, its start, its result."""
