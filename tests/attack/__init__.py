"""Attacks on a server of its own on loopback, in small: ``make attack`` runs them and prints what they found."""
