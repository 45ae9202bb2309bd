"""The protocol `mux`: Finagle's, many calls at a time over one connection, each with a tag."""
