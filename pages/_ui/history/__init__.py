"""The History page's parts: filters, table, the detail of one generation."""
