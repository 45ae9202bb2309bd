"""Telemeters: what shows the metrics to others."""
