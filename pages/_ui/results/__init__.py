"""What became of requests: running rows, failures, the latest clip."""
