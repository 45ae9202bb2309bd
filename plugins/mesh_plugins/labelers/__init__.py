"""Labelers: what the field `forwarded` calls the two ends of a connection."""
