"""What the shows of a lab promise."""
