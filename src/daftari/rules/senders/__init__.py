"""Senders: what one is, how fast it sends, and when it pauses. No HTTP, no SQL."""
