"""The request form: Generate uses all of it, Sweep its fields."""
