"""Authorization once people sign in: persons and their roles, the least role of every action, and a lab bound to one person."""
