"""People as the console shows them: a list of contacts with a word for each, and all about one of them."""
