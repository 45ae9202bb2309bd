"""New TLS connections as fast as they are let in: each with a full handshake and one request."""

import ssl
import time
from concurrent.futures import ThreadPoolExecutor

from tests.bench.client import Address, connect, exchange, request
from tests.bench.errors import ReplyError

CONNECTIONS = 8  # begun at a time: enough that the proxy always has one to work on


def context() -> ssl.SSLContext:
    """Return what a client needs that believes any certificate, so that its own core has less to do."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def connect_with_tls(address: Address, trusting: ssl.SSLContext) -> ssl.SSLSocket:
    """Open a connection with a session of its own: nothing is resumed. The caller closes it."""
    connection = connect(address)
    try:
        return trusting.wrap_socket(connection, server_hostname="web")
    except BaseException:
        connection.close()
        raise


def shake_hands(address: Address, *, seconds: float) -> tuple[int, float]:
    """Open connections to `address` for `seconds`, one request each; return how many, and the seconds that they took.

    Raises `ReplyError` for a reply that is not good, and `OSError` for a handshake that fails.
    """
    trusting, message = context(), request("web")
    started_at = time.perf_counter()
    end = started_at + seconds

    def repeat() -> int:
        count = 0
        while time.perf_counter() < end:
            with connect_with_tls(address, trusting) as connection:
                status, body = exchange(connection, message)
            if status != 200:
                raise ReplyError(f"{status} over TLS: {body[:200]!r}")
            count += 1
        return count

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        runs = [threads.submit(repeat) for _ in range(CONNECTIONS)]
    return sum(run.result() for run in runs), time.perf_counter() - started_at
