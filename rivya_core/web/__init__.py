"""The dashboard's own HTTP routes and the middleware that guards them; ``app.py`` passes them to Streamlit's server."""

from rivya_core.web.below import served_below
from rivya_core.web.routes import lifespan, middleware, routes
from rivya_core.web.signed_in import Who

__all__ = ["Who", "lifespan", "middleware", "routes", "served_below"]
