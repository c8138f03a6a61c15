"""The rules: what may happen and what follows from it. Plain functions that take a transaction and return records.

They know no HTTP and no SQL. Rooms here may use those that come before them: texts, rows and groups, then contacts.
"""
