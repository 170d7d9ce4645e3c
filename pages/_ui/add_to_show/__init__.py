"""Adding to a show: the menu that pages offer, and what came of it."""
