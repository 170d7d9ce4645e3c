"""A voting question as one HTML file that works without a network."""
