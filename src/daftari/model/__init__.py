"""Records and limits that every layer shares. No rules, no SQL, no HTTP."""
