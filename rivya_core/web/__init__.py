"""Our own HTTP routes, who may use them, and what leaves by them; ``app.py`` hands these to the server."""

from rivya_core.web.routes import lifespan, middleware, routes

__all__ = ["lifespan", "middleware", "routes"]
