"""The access log: a line for every request of a router."""
