"""Where the credits went: sums by day, sweep, model and outcome."""
