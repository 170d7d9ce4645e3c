"""Plan and buy: sweeps, their expansion into cells, quotes, reuse and the purchase."""
