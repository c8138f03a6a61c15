"""The rules: what may happen and what follows from it. Plain functions that take a transaction and return records.

No HTTP, no SQL, no terminal. The import contract names the tiers: events and fields at the bottom, then consent, then
contacts, audiences, exports and inbound requests, then imports, and at the top what touches every subject.
"""
