"""The text of a message: its fields, its plain form, and the parts that an SMS takes. No SQL, no HTTP."""
