"""The protocol `tcp`: connections that are routed as a whole, TLS among them that is not looked into."""
