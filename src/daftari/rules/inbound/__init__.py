"""What providers send: received, reviewed, quarantined."""
