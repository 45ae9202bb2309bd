"""The protocol `thriftmux`: calls of Thrift inside Mux, to endpoints that speak the same, or plain Thrift."""
