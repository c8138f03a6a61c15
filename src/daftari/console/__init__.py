"""The console: pages for people, at every path that is not the API's.

Pages call the rules, as the API does. No SQL, and no HTTP to itself.
"""
