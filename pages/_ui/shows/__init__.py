"""What only the page Shows draws, and the ways into a show from other pages."""
