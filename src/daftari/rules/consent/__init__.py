"""What is known about numbers, and whether they may be messaged."""
