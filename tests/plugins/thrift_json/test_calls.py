from pathlib import Path

import pytest

from mesh import ConfigError, HttpReply, UpstreamProtocolError
from mesh_plugins.thrift.exceptions import ExceptionType, write_exception
from mesh_plugins.thrift.message import BINARY
from mesh_plugins.thrift_json.calls import Call, targets
from mesh_plugins.thrift_json.config import Idl, ThriftJsonConfig
from mesh_plugins.thrift_json.errors import Refused

IDL = """
exception NotFound { 1: i64 id }
exception Busy { 1: string why }
service Users {
  string name(1: i64 id) throws (1: NotFound missing, 2: Busy busy),
  void forget(1: i64 id),
  oneway void seen(1: i64 id),
}
service Health { bool ok() }
"""


@pytest.fixture
def idl(tmp_path: Path) -> str:
    """A file with a definition."""
    path = tmp_path / "users.thrift"
    path.write_text(IDL)
    return str(path)


def found(idl: str, **keys: object) -> dict[bytes, Call]:
    """Return the calls by target."""
    read = Idl.read(idl)
    return targets(read.definition, ThriftJsonConfig(read, **keys))  # type: ignore[arg-type]  # keys of any type


def reply(kind: str, struct: str) -> bytes:
    """Return a reply in the binary protocol."""
    return bytes.fromhex(f"800100{kind}000000046e616d6500000000{struct}")


def shown(answer: HttpReply) -> tuple[int, str]:
    return answer.status, (answer.body.buffered or b"").decode()


def test_several_services_are_told_apart_by_their_names(idl: str) -> None:
    assert list(found(idl)) == [b"/Users/name", b"/Users/forget", b"/Users/seen", b"/Health/ok"]


def test_the_methods_of_a_named_service_need_no_name_in_front(idl: str) -> None:
    assert list(found(idl, service="Health", prefix="/rpc")) == [b"/rpc/Health/ok", b"/rpc/ok"]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"service": "User"}, "service: no service User is defined; expected one of Users, Health"),
        (
            {"exceptions": {"Missing": 404}},
            "exceptions: no method declares the exception Missing; expected one of Busy, NotFound",
        ),
    ],
)
def test_what_the_definition_does_not_have_is_an_error(idl: str, keys: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        found(idl, **keys)

    assert raised.value.problems[0].show() == problem


def test_arguments_become_a_message(idl: str) -> None:
    message = found(idl)[b"/Users/name"].message(b'{"id": 7}')

    assert message.hex() == "80010001000000046e616d65000000000a0001000000000000000700"


def test_no_body_is_no_arguments(idl: str) -> None:
    assert found(idl)[b"/Health/ok"].message(b"").hex() == "80010001000000026f6b0000000000"


def test_a_multiplexed_method_is_called_with_its_service(idl: str) -> None:
    message = found(idl, multiplexed=True)[b"/Health/ok"].message(b"")

    assert message[8:].startswith(b"Health:ok")


def test_a_one_way_method_is_called_one_way(idl: str) -> None:
    assert found(idl)[b"/Users/seen"].message(b"")[:4].hex() == "80010004"


def test_the_compact_protocol_is_spoken(idl: str) -> None:
    message = found(idl, thrift_protocol="compact")[b"/Users/name"].message(b'{"id": 7}')

    assert message.hex() == "822100046e616d65160e00"


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b'{"id": "x"}', '{"error":"a whole number expected, not a text","at":"$.id"}'),
        (b"[]", '{"error":"an object expected (Users.name), not an array","at":"$"}'),
        (b'{"id": NaN}', '{"error":"the body is not JSON: NaN is no number of JSON"}'),
        (b"[" * 100_000, '{"error":"values nested too deeply"}'),
    ],
)
def test_what_cannot_be_called_is_refused(idl: str, body: bytes, answer: str) -> None:
    with pytest.raises(Refused) as raised:
        found(idl)[b"/Users/name"].message(body)

    assert shown(raised.value.reply) == (400, answer)


@pytest.mark.parametrize("body", [b"{", b"\xff", b"1" * 5000])
def test_what_is_no_json_is_refused(idl: str, body: bytes) -> None:
    with pytest.raises(Refused) as raised:
        found(idl)[b"/Users/name"].message(body)

    assert raised.value.reply.status == 400


def test_a_result_becomes_the_body(idl: str) -> None:
    answer = found(idl)[b"/Users/name"].answer(reply("02", "0b00000000000341646100"))

    assert shown(answer) == (200, '"Ada"')


def test_no_result_becomes_no_body(idl: str) -> None:
    assert shown(found(idl)[b"/Users/forget"].answer(reply("02", "00"))) == (204, "")


def test_a_declared_exception_has_its_status(idl: str) -> None:
    call = found(idl, exceptions={"NotFound": 404})[b"/Users/name"]

    missing = call.answer(reply("02", "0c00010a000100000000000000070000"))
    busy = call.answer(reply("02", "0c00020b0001000000027878" + "0000"))

    assert shown(missing) == (404, '{"error":"NotFound","exception":{"id":7}}')
    assert shown(busy) == (500, '{"error":"Busy","exception":{"why":"xx"}}')


@pytest.mark.parametrize(("kind", "status"), [(ExceptionType.UNKNOWN_METHOD, 501), (ExceptionType.INTERNAL_ERROR, 502)])
def test_a_failure_of_the_service_is_told(idl: str, kind: ExceptionType, status: int) -> None:
    message = write_exception(BINARY, b"name", 0, kind, "no luck")

    answer = found(idl)[b"/Users/name"].answer(message)

    assert shown(answer) == (status, f'{{"error":"no luck","type":{int(kind)}}}')


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (reply("02", "00"), "Users.name replied with neither a result nor an exception it declares"),
        (reply("02", "0b0000000000"), "the reply of Users.name cannot be read: it ends too early"),
        (reply("02", "0b000000000001ff00"), r"at \$\.success: a text that is not UTF-8"),
        (reply("01", "00"), "a message of the kind 1 is no reply"),
        (b"", "it ends too early"),
    ],
)
def test_a_reply_that_is_none_is_the_fault_of_the_service(idl: str, message: bytes, why: str) -> None:
    with pytest.raises(UpstreamProtocolError, match=why):
        found(idl)[b"/Users/name"].answer(message)
