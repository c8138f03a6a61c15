"""Search: contacts by the beginnings of words, and by the beginning or end of their number."""
