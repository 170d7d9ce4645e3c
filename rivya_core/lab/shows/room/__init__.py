"""One show, shared with the people in a network while its owner lets it be."""
