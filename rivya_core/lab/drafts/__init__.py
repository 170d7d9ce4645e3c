"""Drafts: the content of the forms of Generate and Sweep before a submit, and what it would cost."""
