"""The Connection page's parts."""
