"""Interpreters: what a router asks for the meaning of a name."""
