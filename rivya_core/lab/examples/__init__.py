"""What a new data folder shows before anything was made: finished clips and a finished sweep, marked as examples."""
