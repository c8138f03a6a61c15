"""The project itself: structure and documentation."""
