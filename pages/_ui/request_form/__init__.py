"""The form of a request, as Generate and Sweep use it."""
