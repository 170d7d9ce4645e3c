"""Blind votes: rounds, pairs, ballots' lines, the rule that stops them, and the ranking that follows."""
