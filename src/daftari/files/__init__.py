"""Files of people: spreadsheets, address books and exports, read record by record and written likewise.

One small file a format. This floor must not know what a contact may be, nor a database.
"""
