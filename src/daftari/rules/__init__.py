"""The rules: what may happen and what follows from it. Plain functions that take a transaction and return records.

They know no HTTP and no SQL. A room here uses only those below it: the rule of consent at the bottom, then the ledger
that keeps to it, then groups, contacts and audiences, and at the top what looks at everything.
"""
