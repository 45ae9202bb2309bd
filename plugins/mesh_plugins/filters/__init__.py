"""Filters for any protocol."""
