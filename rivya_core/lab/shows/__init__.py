"""What is handed to others: shows and their files, and clips that carry their settings."""
