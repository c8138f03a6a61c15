"""Triggers, and the events that programs report: a text that is sent a while after an event, if it still applies."""
