"""The rules: consent, contacts, imports, integrity."""
