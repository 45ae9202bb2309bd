"""What goes over connections, as the kernel counts it."""

import socket

from mesh.testing import ManualClock
from mesh.traffic import NOBODY, Traffic
from tests.socketpairs import tcp_pair


def test_bytes_of_open_and_of_closed_connections_are_added_up() -> None:
    traffic = Traffic()
    for _connection in range(2):
        near, far = tcp_pair()
        with near, far:
            traffic.opened(near)
            near.sendall(b"x" * 100)
            far.sendall(b"y" * 30)
            near.recv(30)
            open_ = (traffic.received, traffic.sent)
            traffic.closed(near)

    assert open_ == (60, 200)
    assert (traffic.received, traffic.sent) == (60, 200)


def test_what_was_seen_a_moment_ago_is_good_enough() -> None:
    clock = ManualClock()
    traffic = Traffic(clock)
    near, far = tcp_pair()
    with near, far:
        traffic.opened(near)
        seen = [traffic.sent]
        near.sendall(b"x" * 100)
        seen.append(traffic.sent)
        clock.advance(0.2)
        seen.append(traffic.sent)
        near.sendall(b"x" * 100)
        traffic.closed(near)
        seen.append(traffic.sent)

    assert seen == [0, 0, 100, 200]


def test_the_end_of_a_stream_is_no_byte() -> None:
    traffic = Traffic()
    near, far = tcp_pair()
    with near, far:
        traffic.opened(near)
        far.sendall(b"last words")
        far.shutdown(socket.SHUT_WR)
        while near.recv(100):
            pass

        assert traffic.received == 10


def test_the_time_that_a_connection_was_open_is_told_once() -> None:
    clock, lasted = ManualClock(), list[float]()
    traffic = Traffic(clock)
    traffic.lasted = lasted.append
    with socket.socket() as sock:
        traffic.opened(sock)
        clock.advance(2.5)

        traffic.closed(sock)
        traffic.closed(sock)

    assert lasted == [2500.0]


def test_a_socket_that_is_no_tcp_connection_counts_nothing() -> None:
    one, other = socket.socketpair()
    with one, other:
        traffic = Traffic()
        traffic.opened(one)

        other.sendall(b"x")

        assert (traffic.received, traffic.sent) == (0, 0)


def test_nobody_counts_nothing() -> None:
    with socket.socket() as sock:
        NOBODY.opened(sock)
        NOBODY.closed(sock)
