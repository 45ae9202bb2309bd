"""Propagators: the fields in which trace ids travel."""
