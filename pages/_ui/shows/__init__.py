"""What only Shows draws."""
