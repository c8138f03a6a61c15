"""Campaigns: one text to everyone in an audience who may be messaged. No HTTP, no SQL."""
