"""The protocol `thrift`: framed and buffered, binary and compact, with the TTwitter upgrade."""
