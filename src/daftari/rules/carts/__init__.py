"""The carts of connected shops: whether a message about one may still be sent."""
