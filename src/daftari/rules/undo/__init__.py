"""What a user did in the console is undone."""
