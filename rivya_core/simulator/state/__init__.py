"""What a simulated Rivya holds: tasks, wallet, keys, files, clock, faults and the log of requests, in one SQLite file."""
