"""What only Generate draws: the results beside its form."""
