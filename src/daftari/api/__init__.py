"""The door for machines: the routes of /v1, one handler each, which decodes, calls one rule and answers.

This floor must not know SQL, nor how a request's bytes arrived.
"""
