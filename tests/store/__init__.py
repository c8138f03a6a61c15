"""Both database engines."""
