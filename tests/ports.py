"""Ports for those who cannot be given 0."""

import random
import socket

# Below the range that the kernel takes the ports of outgoing connections from (32768-60999), so that a port which is
# free now is not taken by one of the thousands of connections of a test.
PORTS = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Return `count` ports that nothing is bound to, on any address. Raises `LookupError` if there are not as many."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise LookupError(f"no {count} free ports between {PORTS.start} and {PORTS.stop}")


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    return free_ports(1)[0]
