"""The server at the other end: contract check, observed behaviour, tasks looked up by id, support bundle."""
