"""What a stack file says of the filter."""

import json
import os
from pathlib import Path

import pytest

from mesh_plugins.thrift_json.config import Idl
from tests.stackfiles import problems


def test_the_status_of_an_exception_is_one_of_a_final_reply() -> None:
    entry = {"kind": "io.l5d.thriftJson", "idl": "stacks/accounts.thrift", "exceptions": {"NotFound": 100}}
    router = {"protocol": "http", "servers": [{"port": 0}], "filters": {"endpoint": [entry]}}

    (found,) = problems(json.dumps({"routers": [router]}))

    assert "exceptions.NotFound: 100 found; expected a whole number from 200 to 599" in found


def write(path: Path, text: str, changed: int) -> str:
    """Write a file, as if it had been at a second since 1970."""
    path.write_text(text)
    os.utime(path, (changed, changed))
    return str(path)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A file that includes another one."""
    write(tmp_path / "ids.thrift", "typedef i64 Id", 1)
    return write(tmp_path / "main.thrift", 'include "ids.thrift"\nservice S { void get(1: ids.Id id) }', 1)


def test_a_definition_is_shown_by_its_path(path: str) -> None:
    assert str(Idl.read(path)) == path


def test_files_that_have_not_changed_define_the_same(path: str) -> None:
    assert Idl.read(path) == Idl.read(path)


@pytest.mark.parametrize("name", ["main.thrift", "ids.thrift"])
def test_a_file_that_has_changed_defines_something_else(path: str, name: str) -> None:
    before = Idl.read(path)
    changed = Path(path).with_name(name)
    write(changed, changed.read_text(), 2)

    assert Idl.read(path) != before


def test_a_file_that_may_have_changed_while_it_was_read_is_like_no_other(path: str) -> None:
    write(Path(path), Path(path).read_text(), 1 << 33)  # changed after it was read, if clocks are to be believed

    assert Idl.read(path) != Idl.read(path)


def test_what_is_wrong_in_a_definition_is_told(path: str) -> None:
    Path(path).write_text("service S {")

    with pytest.raises(ValueError, match="Grammar error"):
        Idl.read(path)
