"""Thrift for the benchmark: a service that echoes, and the closed loop that calls it, in frames of the binary protocol.

Both are loops over `epoll` that look at nothing but sizes, so that together they take some 15 µs of a core for each call: less
than a proxy does. `python -m tests.bench.frames PORT` serves on the port until it is ended.
"""

import select
import socket
import struct
import sys
import time

from tests.bench.errors import ReplyError

TEXT = b"0123456789abcdef" * 4  # 64 bytes
NAME = b"echo"
_HEAD = struct.pack(">HBBi", 0x8001, 0, 1, len(NAME)) + NAME
_ANSWER = struct.pack(">HBBi", 0x8001, 0, 2, len(NAME)) + NAME
_CALLED = struct.pack(">bhi", 11, 1, len(TEXT)) + TEXT + b"\0"
_RESULT = struct.pack(">bhi", 11, 0, len(TEXT)) + TEXT + b"\0"
CALL = struct.pack(">i", len(_HEAD) + 4 + len(_CALLED)) + _HEAD + struct.pack(">i", 1) + _CALLED
"""The call that is made: its only argument is `TEXT`, its sequence id 1."""
REPLY = struct.pack(">i", len(_ANSWER) + 4 + len(_RESULT)) + _ANSWER + struct.pack(">i", 1) + _RESULT
PIECE = 65536
SEQID = slice(16, 20)  # of a message in its frame


def serve(port: int) -> None:
    """Answer every call with its own text, and its own sequence id; calls of other sizes end their connection."""
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    listener.setblocking(False)
    poller = select.epoll()
    poller.register(listener, select.EPOLLIN)
    clients: dict[int, socket.socket] = {}
    before, after = REPLY[: SEQID.start], REPLY[SEQID.stop :]
    while True:
        for number, _event in poller.poll():
            if number == listener.fileno():
                client, _address = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients[client.fileno()] = client
                poller.register(client, select.EPOLLIN)
                continue
            try:
                data = clients[number].recv(PIECE)
            except ConnectionError:
                data = b""
            if len(data) != len(CALL):
                clients.pop(number).close()
                continue
            clients[number].send(before + data[SEQID] + after)


def load(address: tuple[str, int], *, connections: int, seconds: float) -> float:
    """Make calls over so many connections, each as soon as the last one is answered; return the calls per second.

    Raises `ReplyError` for any answer that is not the right one.
    """
    poller = select.epoll()
    opened: dict[int, socket.socket] = {}
    try:
        for _number in range(connections):
            connection = socket.create_connection(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened[connection.fileno()] = connection
            poller.register(connection, select.EPOLLIN)
            connection.send(CALL)
        answered, began = 0, time.perf_counter()
        ends = began + seconds
        while (now := time.perf_counter()) < ends:
            for number, _event in poller.poll(1.0):
                connection = opened[number]
                if connection.recv(PIECE) != REPLY:
                    raise ReplyError(f"a wrong answer after {answered} right ones")
                answered += 1
                connection.send(CALL)
    finally:
        poller.close()
        for connection in opened.values():
            connection.close()
    if not answered:
        raise ReplyError("no answer at all")
    return answered / (now - began)


def answers(address: tuple[str, int]) -> bool:
    """Return whether one call is answered as it should be."""
    with socket.create_connection(address, timeout=5.0) as connection:
        connection.sendall(CALL)
        found = b""
        while len(found) < len(REPLY) and (piece := connection.recv(PIECE)):
            found += piece
    return found == REPLY


if __name__ == "__main__":
    serve(int(sys.argv[1]))
