"""gRPC over HTTP/2: its statuses, its messages, and what its callers expect of everything between them and a service."""
