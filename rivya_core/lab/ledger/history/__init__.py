"""Read the ledger for people: pages, filters, search, what was added to generations, how they differ."""
