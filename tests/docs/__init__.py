"""What stands in `docs/`, made from the product itself: the example show, README's pictures, and its moving picture."""
