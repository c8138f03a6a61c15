"""The rules: what may happen and what follows from it. Plain functions that take a transaction and return records.

No HTTP, no SQL, no terminal. The import contract names the tiers: consent at the bottom, then contacts and audiences,
then imports, and at the top what touches every subject.
"""
