"""The commands of inbound addresses, quarantine and review."""
