"""What every door over HTTP shares: the server's callable, bodies and their limits, keys, errors as answers.

This floor must not know any route, nor what a contact is.
"""
