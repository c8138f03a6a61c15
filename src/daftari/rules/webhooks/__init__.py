"""Webhooks: what one is, what it delivers and when, and what an answer means. No HTTP, no SQL."""
