"""HTTP/1.1: a codec with two engines, `fast` (ours) and `reference` (h11)."""
