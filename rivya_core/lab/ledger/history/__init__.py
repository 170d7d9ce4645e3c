"""Read the ledger for screens: pages, filters, search, marks of generations, differences between them."""
