"""What is known of the server: the check of its contract, what was observed of it, tasks looked up by id, the support bundle."""
