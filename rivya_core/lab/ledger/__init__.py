"""Remember: the database, its tables, and every write about generations, credits and what people decide."""
