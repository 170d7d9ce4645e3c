"""Judging clips: reviews, blind votes, measured features, verdicts, decisions."""
