import math
import socket
import threading

import pytest

from tests.bench import openloop
from tests.bench.openloop import OpenLoop, Outcome

OUTCOME = Outcome(
    seconds=2.0,
    latencies={200: [0.004, 0.001, 0.002, 0.003], 503: [0.05]},
    in_time={200: 3, 503: 1},
    lateness=[],
    unanswered=0,
    broken=0,
)


def test_a_latency_is_a_percentile_of_the_good_replies() -> None:
    actual = [OUTCOME.latency(share) for share in (0.5, 0.75, 1.0)]

    assert actual == [0.002, 0.003, 0.004]


def test_refusals_have_latencies_of_their_own() -> None:
    actual = OUTCOME.latency(0.99, 503)

    assert actual == 0.05


def test_a_status_that_never_came_has_no_latency() -> None:
    actual = OUTCOME.latency(0.99, 500)

    assert math.isnan(actual)


def test_a_rate_counts_only_replies_in_time() -> None:
    actual = OUTCOME.rate()

    assert actual == 1.5


def test_a_reply_counts_once_whether_it_comes_in_pieces_or_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openloop, "DRAIN_SECONDS", 60.0)  # it ends with the last reply
    reply = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno"

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while connection.recv(4096):
                    connection.sendall(reply[:20])
                    connection.sendall(reply[20:])

        server = threading.Thread(target=answer)
        server.start()
        loop = OpenLoop(listener.getsockname(), b"ask", rate=1000, seconds=0.01, connections=1)
        outcome = loop.run()
        server.join()

    actual = {status: len(latencies) for status, latencies in outcome.latencies.items()}
    assert actual == {503: 10}
