"""Namers: what finds the endpoints behind a name."""
