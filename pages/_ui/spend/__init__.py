"""The Spend page's parts."""
