"""The records that calls answer with, a module a subject; the OpenAPI document is built from them. No rules, no SQL."""
