"""HTTP requests with JSON bodies, as calls of Thrift services, by the services' interface definitions."""
