"""The messaging providers."""
