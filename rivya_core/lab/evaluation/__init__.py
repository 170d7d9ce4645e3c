"""Judge: reviews, blind votes, measured features, verdicts, decisions."""
