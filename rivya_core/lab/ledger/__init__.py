"""Remember: the database, its tables, and every write that a generation, its credits and its people make."""
