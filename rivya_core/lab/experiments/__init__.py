"""Experiments: what they ask, which cells follow, what is known of each take."""
