import re
from pathlib import Path

import pytest

from mesh_plugins.thrift_json.definition import Definition
from mesh_plugins.thrift_json.idl import read_definition
from tests.plugins.thrift_json.passing import passed, refusal

SHARED = """
typedef i64 Id
enum Kind { A = 1, B = 2 }
union Key { 1: Id id, 2: string name }
service Base { void ping() }
"""
MAIN = """
include "shared.thrift"

struct Item {
  1: required shared.Id id,
  2: list<map<string, binary>> blobs,
  3: set<shared.Kind> kinds,
  4: optional Item after,
  5: double weight,
  6: byte tiny, 7: i16 small, 8: bool is_open,
}
exception Missing { 1: shared.Key key }

service Items extends shared.Base {
  Item get(1: shared.Key key) throws (1: Missing missing),
  oneway void seen(1: shared.Id id),
}
"""
ITEM = {
    "id": 1,
    "blobs": [{"a": "aGk="}],
    "kinds": ["A", "B"],
    "after": {"id": 2},
    "weight": 0.5,
    "tiny": 1,
    "small": 2,
    "is_open": True,
}


def read(folder: Path, text: str = MAIN) -> Definition:
    """Write the files and read them."""
    (folder / "shared.thrift").write_text(SHARED)
    (folder / "main-1.thrift").write_text(text)
    return read_definition(str(folder / "main-1.thrift"))


def test_a_service_has_its_methods_and_those_it_inherits(tmp_path: Path) -> None:
    methods = read(tmp_path).services["Items"]

    facts = {name: (method.is_one_way, method.is_void, method.exceptions) for name, method in methods.items()}
    assert facts == {
        "get": (False, False, {"missing": "Missing"}),
        "seen": (True, True, {}),
        "ping": (False, True, {}),
    }


def test_every_type_is_known(tmp_path: Path) -> None:
    get = read(tmp_path).services["Items"]["get"]

    assert passed(get.reply, {"success": ITEM}) == {"success": ITEM}


def test_a_union_of_another_file_is_one(tmp_path: Path) -> None:
    get = read(tmp_path).services["Items"]["get"]

    assert refusal(get.arguments, {"key": {}}) == "$.key: exactly one of id, name expected (Key)"


def test_arguments_are_called_by_the_method(tmp_path: Path) -> None:
    get = read(tmp_path).services["Items"]["get"]

    assert refusal(get.arguments, {"id": 1}) == "$.id: Items.get has no such field; it has key"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("struct A {\n 1: i32 a\n 2: strin b\n}\n", ", line 3: No type found: 'strin'"),
        ("struct A {\n 1: i32 a\n 2 : }\n", ", line 3: Grammar error '}'"),
        ("struct A {\n 1: i32 `a\n}", ", line 2: Illegal character '`'"),
        ("struct A { 1: i32 a\n", ": Grammar error at EOF"),
        ('\ninclude "none.thrift"', ", line 2: Couldn't include thrift none.thrift in any directories provided"),
        ("\n\nservice S extends T {}", ", line 3: Can't find service 'T' for service 'S' to extend"),
        ("struct A {\n 1: i32 a\n 1: i32 b\n}", ", line 3: '1:b' field identifier/name has already been used"),
        ("service S {\n void a()\n void b()\n void a()\n}", ", line 4: 'a' function is already defined in service 'S'"),
        ('include "shared.thrift"\nservice S { shared.None a() }', ": what it uses is not defined anywhere"),
        ("struct A {}", " defines no service"),
        ("", " defines no service"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path}/main-1.thrift{problem}")):
        read(tmp_path, text)


def test_only_exceptions_are_thrown(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"S\.a throws x, which is no exception"):
        read(tmp_path, "service S { void a() throws (1: i32 x) }")


def test_a_file_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"none\.thrift cannot be read from the working directory /.*: No such file"):
        read_definition("none.thrift")


@pytest.mark.parametrize("name", ["idl.txt", "/tmp", "http://127.0.0.1:1/a.thrift"])
def test_what_is_no_name_of_a_definition_is_not_looked_for(name: str) -> None:
    with pytest.raises(ValueError, match=r"is no name of a definition; expected a file whose name ends with \.thrift"):
        read_definition(name)


def test_what_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.thrift").write_bytes(b"\xff\xfe")

    with pytest.raises(ValueError, match=r"a\.thrift is no text in UTF-8"):
        read_definition(str(tmp_path / "a.thrift"))


def test_a_file_that_includes_itself_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"main-1\.thrift includes itself"):
        read(tmp_path, 'include "main-1.thrift"\nservice S {}')


def test_what_is_wrong_in_a_file_that_is_included_is_told_with_that_file_and_its_line(tmp_path: Path) -> None:
    (tmp_path / "other.thrift").write_text("struct A {\n 1: i32 }\n")

    with pytest.raises(ValueError, match=re.escape(f"{tmp_path}/other.thrift, line 2: Grammar error '}}'")):
        read(tmp_path, 'include "other.thrift"\nservice S {}')


def test_files_of_the_same_name_are_read_each_and_again_when_they_have_changed(tmp_path: Path) -> None:
    found = []
    for folder, kind in (("a", "i32"), ("b", "i64"), ("b", "string")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "ids.thrift").write_text(f"typedef {kind} Id")
        get = read(tmp_path / folder, 'include "ids.thrift"\nservice S { void get(1: ids.Id id) }')
        found.append(get.services["S"]["get"].arguments)

    assert refusal(found[0], {"id": 1 << 40}) == f"$.id: a whole number of 32 bits expected, not {1 << 40}"
    assert refusal(found[1], {"id": "x"}) == "$.id: a whole number expected, not a text"
    assert refusal(found[2], {"id": 1}) == "$.id: a text expected, not 1"
