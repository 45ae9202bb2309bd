"""Which protocols are HTTP, for kinds and keys that are about its messages."""

OF_HTTP = ("http", "h2", "grpc")
