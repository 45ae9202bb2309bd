import ssl

import pytest
import trio
import trio.testing

from mesh.stream_connection import StreamConnection


async def test_a_stream_carries_bytes_both_ways_until_one_side_closes() -> None:
    one, other = (StreamConnection(stream) for stream in trio.testing.memory_stream_pair())

    await one.send_all(b"there")
    await other.send_all(b"and back")
    received = [await other.receive_some(), await one.receive_some()]
    one.close()

    assert received == [b"there", b"and back"]
    assert await other.receive_some() == b""


async def test_closing_a_stream_wakes_its_reader() -> None:
    one, _other = (StreamConnection(stream) for stream in trio.testing.memory_stream_pair())
    async with trio.open_nursery() as nursery:

        async def read() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await one.receive_some()

        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        one.close()
        one.close()


async def test_a_stream_is_quiet_until_its_end_was_read_or_it_was_closed() -> None:
    one, other = (StreamConnection(stream) for stream in trio.testing.memory_stream_pair())
    before = one.is_quiet(), other.is_quiet()

    one.close()
    await other.receive_some()

    assert (before, one.is_quiet(), other.is_quiet(), other.hung_up) == ((True, True), False, False, True)


async def test_waits_on_a_stream_end_at_the_deadline(autojump_clock: trio.testing.MockClock) -> None:
    one, other = (StreamConnection(stream) for stream in trio.testing.lockstep_stream_pair())
    one.deadline = trio.current_time() + 2

    with pytest.raises(trio.TooSlowError):
        await one.receive_some()
    with pytest.raises(trio.TooSlowError):
        await one.send_all(b"nobody reads")

    assert trio.current_time() == pytest.approx(2)
    await other.aclose()


async def test_closing_at_leisure_closes_the_stream() -> None:
    one, other = (StreamConnection(stream) for stream in trio.testing.memory_stream_pair())

    await one.aclose()
    one.close()

    assert await other.receive_some() == b""


async def test_closing_a_tls_stream_cuts_what_it_stands_on() -> None:
    near, far = trio.testing.memory_stream_pair()
    connection = StreamConnection(trio.SSLStream(near, ssl.create_default_context(), server_hostname="web"))

    connection.close()

    assert await far.receive_some() == b""


async def test_closing_a_socket_stream_closes_its_socket() -> None:
    ours, theirs = trio.socket.socketpair()
    connection = StreamConnection(trio.SocketStream(ours))
    with theirs:
        connection.close()

        assert await theirs.recv(1) == b""
