import pytest

from mesh import Switch
from tests.bench.costs import DTAB
from tests.bench.streams import AskingStreams, answering, ended, frame, replying
from tests.proxies import stack, unheard_server


def test_the_streams_that_end_are_found_among_frames() -> None:
    data = frame(1, 4, 1, b"head") + frame(0, 1, 1, b"data") + frame(1, 5, 3, b"") + frame(4, 1, 0, b"")

    assert ended(data) == [1, 3]


@pytest.mark.parametrize("calls", [False, True])
async def test_a_client_is_served_until_it_has_asked_its_last(calls: bool) -> None:
    answered: list[int] = []

    class Noting(AskingStreams):
        async def send_all(self, data: bytes | bytearray | memoryview) -> None:
            answered.extend(ended(data))
            await super().send_all(data)

    text = stack(DTAB, protocol="grpc" if calls else "h2")
    async with unheard_server(text, replying if calls else answering) as server:
        await server.serve(Noting(25, calls=calls), Switch(server.service))

    assert sorted(answered) == list(range(1, 51, 2))
