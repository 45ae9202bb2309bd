// The service of thrift.yaml.
exception NotFound {
  1: string name
}

service Users {
  string greet(1: string name) throws (1: NotFound notFound),
  oneway void forget(1: string name)
}
