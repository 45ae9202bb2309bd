import json
from pathlib import Path as FilePath

import attrs
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
    Life,
    Params,
    Path,
    UpstreamProtocolError,
)
from mesh.testing import Scripted, Trickle, memory_connections, request
from mesh_plugins.grpc.messages import encode
from mesh_plugins.grpc.status import Code, read_status
from mesh_plugins.thrift.message import BINARY, ThriftReply, ThriftRequest, nothing, read_reply, read_request
from mesh_plugins.thrift.wire import CALL, REPLY
from mesh_plugins.thrift_json.config import Idl, ThriftJsonConfig
from mesh_plugins.thrift_json.thrift_json import AT_ONCE, thrift_json

JSON: Fields = [(b"content-type", b"application/json; charset=utf-8")]
ADA = bytes.fromhex("80010002000000046e616d65000000000b00000000000341646100")


@pytest.fixture
def config(tmp_path: FilePath) -> ThriftJsonConfig:
    """The keys of a filter with a definition."""
    path = tmp_path / "users.thrift"
    path.write_text("service Users { string name(1: i64 id), oneway void seen(1: i64 id) }")
    return ThriftJsonConfig(Idl.read(str(path)), max_body_kb=1)


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


TREES = "struct Tree { 1: list<Tree> kids, 2: list<i64> numbers } service Trees { Tree same(1: Tree tree) }"


@pytest.fixture
def trees(tmp_path: FilePath) -> ThriftJsonConfig:
    """The keys of a filter with values that nest, and long ones."""
    path = tmp_path / "trees.thrift"
    path.write_text(TREES)
    return ThriftJsonConfig(Idl.read(str(path)))


@pytest.mark.parametrize(("depth", "status"), [(10, 200), (33, 400), (300, 400), (10000, 400)])
async def test_arguments_that_are_nested_too_deeply_are_refused(
    trees: ThriftJsonConfig, depth: int, status: int
) -> None:
    body = b'{"tree":' + b'{"kids":[' * depth + b"{}" + b"]}" * depth + b"}"

    reply, service = await ask(
        trees, post("/same", body), read_reply(BINARY.message(REPLY, b"same", 0, b"\x0c\0\0\0\0"))
    )

    assert (reply.status, len(service.requests)) == (status, status == 200)


async def test_what_is_long_is_converted_like_the_rest(trees: ThriftJsonConfig) -> None:
    numbers = list(range(AT_ONCE))
    body = json.dumps({"tree": {"numbers": numbers}}).encode()

    async def same(call: ThriftRequest) -> ThriftReply:
        data = call.body.buffered or b""
        return read_reply(BINARY.message(REPLY, b"same", 0, b"\x0c\0\0" + data[call.head.at + 3 :]))

    reply = await thrift_json(trees).wrap(Params(), lambda _params: same)(post("/same", body))

    assert json.loads(reply.body.buffered or b"") == {"numbers": numbers}
    refusal, _service = await ask(trees, post("/same", body.replace(b"16383", b'"x"')))
    assert json.loads(refusal.body.buffered or b"")["at"] == "$.tree.numbers[16383]"


async def test_replies_longer_than_the_limit_are_the_service_s_fault(trees: ThriftJsonConfig) -> None:
    near, endpoint = memory_connections()
    given: list[Params] = []

    def rest(params: Params) -> Scripted:
        given.append(params)
        return Scripted()

    thrift_json(attrs.evolve(trees, max_reply_kb=1)).wrap(Params(), rest)
    new = given[0][SESSION]
    assert new is not None
    await endpoint.send_all((2000).to_bytes(4))

    with pytest.raises(UpstreamProtocolError, match="the limit is 1024"):
        await new(near, Life(None))(read_request(BINARY.message(CALL, b"same", 0, b"\0")))


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
