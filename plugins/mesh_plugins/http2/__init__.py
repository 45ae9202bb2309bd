"""HTTP/2: two engines of one contract, the connections of clients, and the sessions with endpoints."""
