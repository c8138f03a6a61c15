"""Who may do what: projects, keys, and the addresses of providers."""
