"""What names a call."""

import pytest

from mesh import BadRequestContext, Path
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.identifiers import MEMO, ThriftConfig, thrift
from mesh_plugins.thrift.message import BINARY, ThriftRequest, read_request
from mesh_plugins.thrift.wire import CALL

PREFIX = Path.read("/svc")


def asked(name: str, dest: str = "") -> ThriftRequest:
    header = RequestHeader(dest=dest.encode()) if dest else None
    return read_request(BINARY.message(CALL, name.encode(), 0, b"\0"), header=header)


@pytest.mark.parametrize(
    ("name", "dest", "has_method", "path"),
    [
        ("echo", "", False, "/svc"),
        ("echo", "", True, "/svc/echo"),
        ("users:echo", "", False, "/svc/users"),
        ("users:echo", "", True, "/svc/users/echo"),
        ("a:b:echo", "", True, "/svc/a:b/echo"),
        (":echo", "", True, "/svc/echo"),
        ("users:", "", True, "/svc/users"),
        ("", "", True, "/svc"),
        ("a/b", "", True, r"/svc/\x61\x2f\x62"),
        ("echo", "/s/users", False, "/svc/s/users"),
        ("echo", "/s/users", True, "/svc/s/users/echo"),
        ("echo", "users", True, "/svc/users/echo"),
        ("x:echo", "/users", True, "/svc/users/x/echo"),
        ("echo", "/", True, "/svc/echo"),
    ],
)
def test_a_call_is_named(name: str, dest: str, has_method: bool, path: str) -> None:
    identify = thrift(ThriftConfig(has_method), PREFIX)

    assert [identify(asked(name, dest)).show() for _time in range(2)] == [path, path]


def test_a_destination_that_is_no_path_is_refused() -> None:
    with pytest.raises(BadRequestContext):
        thrift(ThriftConfig(), PREFIX)(asked("echo", "/a//b"))


def test_names_that_somebody_invents_are_forgotten() -> None:
    identify = thrift(ThriftConfig(True), PREFIX)

    paths = {identify(asked(f"m{number}")) for number in range(MEMO + 10)}

    assert len(paths) == MEMO + 10
    assert identify(asked("x" * 300)).show() == "/svc/" + "x" * 300
