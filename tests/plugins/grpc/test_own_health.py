"""The linker's own health."""

import pytest
import trio
import trio.testing

from mesh import DRAINING, AnyService, HttpReply, HttpRequest, Params, RemoteProtocolError, Var
from mesh.testing import Trickle, reply, request
from mesh_plugins.grpc.health import CHECK, WATCH, Serving, decode_reply, encode_request
from mesh_plugins.grpc.messages import COMPRESSED, MessageReader, encode
from mesh_plugins.grpc.own_health import GrpcHealthConfig, grpc_health
from mesh_plugins.grpc.status import Code, read_status
from tests.plugins.rest import Rest


def call(target: bytes, service: str = "", body: bytes | None = None) -> HttpRequest:
    content = encode(encode_request(service)) if body is None else body
    return request("POST", target.decode(), headers={"content-type": "application/grpc"}, body=content)


class Bench:
    """The filter of one server, and whether the process drains."""

    def __init__(self) -> None:
        self.draining = Var(False)
        params = Params().put(DRAINING, self.draining)
        self.service: AnyService = grpc_health(GrpcHealthConfig(services=("mesh",))).wrap(params, Rest())

    async def check(self, service: str = "") -> tuple[Code | None, list[Serving]]:
        answered: HttpReply = await self.service(call(CHECK, service))
        said = MessageReader().feed(answered.body.buffered or b"")
        code = read_status([*answered.headers, *answered.body.trailers])
        return code, [decode_reply(message.content) for message in said]


async def _next(answered: HttpReply) -> Serving:
    (message,) = MessageReader().feed(await answered.body.receive())
    return decode_reply(message.content)


@pytest.mark.parametrize("service", ["", "mesh"])
async def test_it_serves_until_it_drains(service: str) -> None:
    bench = Bench()
    before = await bench.check(service)
    bench.draining.set(True)

    assert [before, await bench.check(service)] == [(Code.OK, [Serving.SERVING]), (Code.OK, [Serving.NOT_SERVING])]


async def test_a_service_that_nobody_knows_is_not_found() -> None:
    assert await Bench().check("a.B") == (Code.NOT_FOUND, [])


@pytest.mark.parametrize(("service", "first"), [("", Serving.SERVING), ("a.B", Serving.SERVICE_UNKNOWN)])
async def test_whoever_watches_is_told_at_once_and_when_it_drains(service: str, first: Serving) -> None:
    bench = Bench()
    answered = await bench.service(call(WATCH, service))
    said = [await _next(answered)]
    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            said.append(await _next(answered))

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        before = list(said)
        bench.draining.set(True)

    assert (before, said) == ([first], [first, Serving.NOT_SERVING])
    assert await answered.body.receive() == b""
    assert read_status(answered.body.trailers) is Code.UNAVAILABLE


async def test_whoever_begins_to_watch_while_it_drains_is_told_so() -> None:
    bench = Bench()
    bench.draining.set(True)
    answered = await bench.service(call(WATCH))

    assert (await _next(answered), await answered.body.receive()) == (Serving.NOT_SERVING, b"")


@pytest.mark.parametrize(
    "body",
    [b"", encode(b"") + encode(b""), encode(b"", COMPRESSED), encode(b"")[:3], b"\0\0\0\x20\0", encode(b"\x0b")],
    ids=["none", "two", "compressed", "cut", "long", "no protobuf"],
)
async def test_what_is_no_check_is_refused(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        await Bench().service(call(CHECK, body=body))


async def test_a_check_may_come_in_pieces() -> None:
    asked = call(CHECK)
    asked.body = Trickle(*[bytes([byte]) for byte in encode(encode_request("mesh"))])

    answered = await Bench().service(asked)

    assert read_status(answered.body.trailers) is Code.OK


@pytest.mark.parametrize(
    "asked",
    [call(b"/a.B/C"), request("POST", CHECK.decode()), request("GET", CHECK.decode())],
    ids=["another method", "no gRPC", "no POST"],
)
async def test_other_requests_pass(asked: HttpRequest) -> None:
    rest = Rest()
    answer = reply(204)
    rest.answer = lambda _request: answer

    assert await grpc_health(GrpcHealthConfig()).wrap(Params(), rest)(asked) is answer
