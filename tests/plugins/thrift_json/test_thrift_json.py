from pathlib import Path as FilePath

import pytest

from mesh import (
    BOUND,
    SESSION,
    AddrNeg,
    BoundName,
    Dtab,
    Fields,
    Fixed,
    HttpReply,
    HttpRequest,
    Params,
    Path,
    UpstreamProtocolError,
)
from mesh.testing import Scripted, Trickle, request
from mesh_plugins.grpc.messages import encode
from mesh_plugins.grpc.status import Code, read_status
from mesh_plugins.thrift.message import nothing, read_reply
from mesh_plugins.thrift_json.config import ThriftJsonConfig
from mesh_plugins.thrift_json.thrift_json import thrift_json

JSON: Fields = [(b"content-type", b"application/json; charset=utf-8")]
ADA = bytes.fromhex("80010002000000046e616d65000000000b00000000000341646100")


@pytest.fixture
def config(tmp_path: FilePath) -> ThriftJsonConfig:
    """The keys of a filter with a definition."""
    path = tmp_path / "users.thrift"
    path.write_text("service Users { string name(1: i64 id), oneway void seen(1: i64 id) }")
    return ThriftJsonConfig(str(path), max_body_kb=1)


def post(target: str, body: bytes = b'{"id":7}', *, method: bytes = b"POST") -> HttpRequest:
    """Return a request with a JSON body."""
    made = request(method.decode(), target, body=body)
    made.headers = JSON
    return made


async def ask(config: ThriftJsonConfig, asked: HttpRequest, *answers: object) -> tuple[HttpReply, Scripted]:
    """Return what the filter makes of a request, and the service below it."""
    service = Scripted(*answers)  # type: ignore[arg-type]  # answers of any kind
    built = thrift_json(config).wrap(Params(), lambda _params: service)
    return await built(asked), service


async def test_a_request_becomes_a_call_and_its_result_the_body(config: ThriftJsonConfig) -> None:
    reply, service = await ask(config, post("/Users/name?x=y"), read_reply(ADA))

    [call] = service.requests
    assert call.body.buffered.hex() == "80010001000000046e616d65000000000a0001000000000000000700"
    assert (reply.status, reply.headers, reply.body.buffered) == (
        200,
        [(b"content-type", b"application/json")],
        b'"Ada"',
    )
    assert service.replies[0].closed


async def test_a_call_has_the_context_of_its_request(config: ThriftJsonConfig) -> None:
    asked = post("/name")
    asked.context.local_dtab = Dtab.read("/a => /b | /c")

    _reply, service = await ask(config, asked, read_reply(ADA))

    [call] = service.requests
    assert call.context is asked.context
    assert call.header.delegations == [(b"/a", b"/b | /c")]


async def test_a_one_way_call_is_accepted(config: ThriftJsonConfig) -> None:
    reply, _service = await ask(config, post("/seen"), nothing)

    assert (reply.status, reply.body.buffered) == (202, b"")


async def test_a_call_of_grpc_is_one_of_thrift(config: ThriftJsonConfig) -> None:
    asked = post("/Users/name", encode(b'{"id":7}'))
    asked.headers = [(b"content-type", b"application/grpc")]

    reply, service = await ask(config, asked, read_reply(ADA))

    assert len(service.requests) == 1
    assert (reply.headers, reply.body.buffered) == ([(b"content-type", b"application/grpc+json")], encode(b'"Ada"'))
    assert read_status(reply.body.trailers) is Code.OK


async def test_what_cannot_be_called_by_grpc_is_a_status(config: ThriftJsonConfig) -> None:
    asked = post("/Users/name", encode(b'{"id":"x"}'))
    asked.headers = [(b"content-type", b"application/grpc")]

    reply, _service = await ask(config, asked)

    assert (reply.status, read_status(reply.headers)) == (200, Code.INVALID_ARGUMENT)


async def test_a_body_may_come_in_pieces(config: ThriftJsonConfig) -> None:
    asked = post("/name")
    asked.body = Trickle(b'{"id"', b":7}")

    reply, _service = await ask(config, asked, read_reply(ADA))

    assert reply.status == 200


@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        (post("/nome"), 404, None),
        (post("/name/"), 404, None),
        (post("/name", method=b"GET"), 405, (b"allow", b"POST")),
        (post("/name", b'{"id":"x"}'), 400, None),
        (post("/name", b" " * 1025), 413, None),
    ],
)
async def test_what_cannot_be_called_is_answered_at_once(
    config: ThriftJsonConfig, asked: HttpRequest, status: int, field: tuple[bytes, bytes] | None
) -> None:
    reply, service = await ask(config, asked)

    assert (reply.status, service.requests) == (status, [])
    assert field is None or field in reply.headers


async def test_a_body_of_another_type_is_refused(config: ThriftJsonConfig) -> None:
    asked = post("/name")
    asked.headers = [(b"content-type", b"text/plain")]

    reply, _service = await ask(config, asked)

    assert (reply.status, (b"accept", b"application/json") in reply.headers) == (415, True)


async def test_a_long_body_that_comes_in_pieces_is_refused(config: ThriftJsonConfig) -> None:
    asked = post("/name")
    asked.body = Trickle(b" " * 1000, b" " * 1000)

    reply, _service = await ask(config, asked)

    assert reply.status == 413


async def test_a_reply_that_is_nested_too_deeply_is_not_read(config: ThriftJsonConfig) -> None:
    deep = ADA[:16] + bytes.fromhex("0c0009") * 100 + bytes(101)

    with pytest.raises(UpstreamProtocolError, match="nested deeper"):
        await ask(config, post("/name"), read_reply(deep))


@pytest.mark.parametrize(("client", "is_for"), [("", True), ("/#/io.l5d.fs/users", True), ("/#/io.l5d.fs/web", False)])
def test_it_is_for_some_clients(config: ThriftJsonConfig, client: str, is_for: bool) -> None:
    keys = ThriftJsonConfig(config.idl, client=client)
    name = BoundName(Path.read("/#/io.l5d.fs/users"), Path(()), Fixed(AddrNeg()))
    given: list[Params] = []
    service = Scripted()

    def rest(params: Params) -> Scripted:
        given.append(params)
        return service

    built = thrift_json(keys).wrap(Params().put(BOUND, name), rest)

    assert (given[0][SESSION] is not None, built is not service) == (is_for, is_for)
