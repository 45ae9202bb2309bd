// What the stack file thrift-json.yaml offers over HTTP.
enum Role { READER = 1, WRITER = 2 }

struct Account {
  1: required i64 id,
  2: required string name,
  3: Role role = Role.READER,
  4: map<string, string> labels,
}

exception NotFound { 1: i64 id }
exception Invalid { 1: string why }

service Accounts {
  Account get(1: i64 id) throws (1: NotFound notFound),
  i64 add(1: Account account) throws (1: Invalid invalid),
  list<Account> all(),
  void remove(1: i64 id) throws (1: NotFound notFound),
  oneway void visited(1: i64 id),
}
