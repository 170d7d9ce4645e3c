"""Serving an ASGI app from a thread of this process: the simulator, and what is shared in a network. It knows no other room."""
