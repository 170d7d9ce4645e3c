"""Who may do what, once people sign in: persons and their roles, the least role of every act, a lab as one person may use it."""
