// A service with a value of every type.
struct Deep {
  1: map<string, list<i64>> numbers,
  2: bool yes,
  3: double ratio,
  4: binary blob,
  5: set<i16> few,
  6: i8 tiny,
  20: list<Leaf> leaves,
  21: map<i32, map<string, bool>> flags,
}

struct Leaf {
  1: string name,
  2: optional i32 weight,
}

exception Sad {
  1: string why
}

service Every {
  Deep deep(1: Deep it),
  string greet(1: string name) throws (1: Sad sad),
  i64 count(),
  void fail(),
  oneway void note(1: string line),
}
