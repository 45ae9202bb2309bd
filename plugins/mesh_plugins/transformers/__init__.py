"""Transformers: what changes bound names."""
