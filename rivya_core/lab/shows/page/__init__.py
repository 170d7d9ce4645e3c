"""A show as one HTML page: report, slides and print."""
