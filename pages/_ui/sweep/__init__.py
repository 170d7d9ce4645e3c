"""The Sweep page's parts: form, quote, list, live grid."""
