"""What the clients of one port speak."""

import pytest
import trio
import trio.testing

from mesh import Limits, Metrics, Switch
from mesh.testing import memory_connections
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.serving import Serving
from mesh_plugins.mux.wire import OK, TPING, frame
from mesh_plugins.thrift.conversion import with_frame
from mesh_plugins.thrift.framing import framed
from mesh_plugins.thrift.message import BINARY, COMPACT, OLD_BINARY, Encoding
from mesh_plugins.thrift.ttwitter import agrees, asks
from mesh_plugins.thrift.wire import CALL, ONEWAY, REPLY
from mesh_plugins.thriftmux.downgrading import plain_speech, serve
from tests.plugins.rest import numbers

TINIT_CHECK = bytes.fromhex("0000000f7f00000174696e697420636865636b")


@pytest.mark.parametrize(
    ("first", "speech"),
    [
        (framed(BINARY.message(CALL, b"get", 1, b"\0")), (BINARY, True)),
        (framed(BINARY.message(ONEWAY, b"get", 1, b"\0")), (BINARY, True)),
        (framed(OLD_BINARY.message(CALL, b"get", 1, b"\0")), (BINARY, True)),
        (framed(COMPACT.message(CALL, b"get", 1, b"\0")), (COMPACT, True)),
        (BINARY.message(CALL, b"get", 1, b"\0"), (BINARY, False)),
        (BINARY.message(ONEWAY, b"get", 1, b"\0"), (BINARY, False)),
        (COMPACT.message(CALL, b"", 1, b"\0"), (COMPACT, False)),
        (framed(BINARY.message(REPLY, b"get", 1, b"\0")), None),
        (BINARY.message(REPLY, b"get", 1, b"\0"), None),
        (b"\xff\xff\xff\xff", None),
        (frame(TPING, 1), None),
        (TINIT_CHECK, None),
        (b"\0\0\0\4\x80\1\0", None),
    ],
)
def test_the_first_bytes_tell(first: bytes, speech: tuple[Encoding, bool] | None) -> None:
    assert plain_speech(first) == speech


async def echo(request: MuxRequest) -> MuxReply:
    content = request.body.buffered or b""
    head = (COMPACT if content[0] == 0x82 else BINARY).read_head(content, 0)
    return MuxReply(OK, (COMPACT if content[0] == 0x82 else BINARY).message(REPLY, head.name, head.seqid, b"\0"))


async def conversation(*said: bytes) -> tuple[bytes, dict[str, float]]:
    """Return what is answered to what a client says, piece by piece, before it hangs up; and the metrics."""
    near, far = memory_connections()
    metrics, answered = Metrics(), b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve(Serving(), metrics), far, Switch(echo))
        for piece in said:
            await near.send_all(piece)
            await trio.testing.wait_all_tasks_blocked()
        answered = await near.receive_some()
        near.close()
    return answered, numbers(metrics)


@pytest.mark.parametrize("is_framed", [True, False])
@pytest.mark.parametrize("encoding", [BINARY, COMPACT])
async def test_a_client_of_plain_thrift_is_served(encoding: Encoding, is_framed: bool) -> None:
    call, reply = [with_frame(encoding.message(kind, b"g", 7, b"\0"), is_framed=is_framed) for kind in (CALL, REPLY)]

    answered, counts = await conversation(call[:3], call[3:5], call[5:])

    assert answered == reply
    assert counts == {"thriftmux/connects": 0, "thriftmux/downgraded_connects": 1}


async def test_a_client_of_plain_thrift_may_ask_for_the_headers_of_ttwitter() -> None:
    answered, _ = await conversation(framed(asks(BINARY)))

    assert answered == framed(agrees(BINARY, 0))


async def test_a_client_of_mux_is_served() -> None:
    answered, counts = await conversation(TINIT_CHECK)

    assert answered == TINIT_CHECK
    assert counts == {"thriftmux/connects": 1, "thriftmux/downgraded_connects": 0}


async def test_a_client_that_says_nothing_is_closed_and_counted(autojump_clock: trio.testing.MockClock) -> None:
    near, far = memory_connections()
    how = Serving(Limits(idle_timeout_s=5))

    await serve(how, Metrics())(far, Switch(echo))

    assert (await near.receive_some(), how.ages.idle.value, trio.current_time()) == (b"", 1, 5)
