"""The limits of one side of a router, with what other keys say of them."""

import attrs

from mesh import Limits, SocketOptions
from mesh_plugins.http.keys import HttpRouterKeys
from mesh_plugins.http.limits import effective_limits

PLAIN = Limits()


def keys(**more: int) -> HttpRouterKeys:
    return HttpRouterKeys(identifier=(), trace_propagator=None, **more)  # type: ignore[arg-type]  # keys of the test's own


def test_limits_stay_as_they_are() -> None:
    assert effective_limits(PLAIN, keys(), SocketOptions()) is PLAIN


def test_linkerds_keys_are_for_limits_that_were_not_given() -> None:
    given = attrs.evolve(PLAIN, max_request_line_bytes=100)

    found = effective_limits(given, keys(max_headers_kb=1, max_initial_line_kb=2), SocketOptions())

    assert (found.max_header_section_bytes, found.max_request_line_bytes) == (1024, 100)


def test_timeouts_of_sockets_shorten_every_wait_for_them() -> None:
    options = SocketOptions(read_timeout_ms=5000, write_timeout_ms=2000)

    found = effective_limits(PLAIN, keys(), options)

    assert (found.header_deadline_s, found.idle_timeout_s, found.stream_idle_timeout_s) == (5.0, 5.0, 2.0)


def test_a_timeout_of_a_socket_lengthens_nothing() -> None:
    found = effective_limits(PLAIN, keys(), SocketOptions(read_timeout_ms=10**9))

    assert found == PLAIN


def test_a_timeout_to_write_leaves_reading_between_messages_alone() -> None:
    found = effective_limits(PLAIN, keys(), SocketOptions(write_timeout_ms=2000))

    assert (found.header_deadline_s, found.idle_timeout_s) == (PLAIN.header_deadline_s, PLAIN.idle_timeout_s)
