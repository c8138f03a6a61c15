"""Exports: a snapshot of the book, written as a file."""
