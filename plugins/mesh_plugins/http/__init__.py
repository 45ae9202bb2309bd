"""What HTTP/1.1, HTTP/2 and gRPC share."""
