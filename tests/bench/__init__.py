"""Speed figures, each beside a baseline measured in the same run: ``python -m tests.bench [names...]``.

Never a timed test: this machine's mood decides absolute figures, so the table shows ratios and the load average, and fails
nothing.
"""
