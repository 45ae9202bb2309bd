"""What HTTP's tunnels and plain TCP share: a connection handed over, and the copying between two of them."""
