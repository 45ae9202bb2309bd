"""A client of Mux, and an endpoint that tells what it was asked, to try `mux.yaml` and `thriftmux.yaml` with, and no more.

python mux_client.py serve 9090
python mux_client.py call 4141 /web/users hello
python mux_client.py greet 4144 World            (the method `greet` of users.thrift)
"""

import socket
import struct
import sys

TDISPATCH, RDISPATCH, RERR = 2, 0xFE, 0x7F
ANSWERS = {0x41: 0xBF, 0x40: 0xC0, 0x44: 0xBC, RERR: RERR}  # Tping, Tdrain, Tinit, and the marker before a handshake


def main() -> None:
    """Do what the command line says."""
    match sys.argv[1:]:
        case ["serve", port]:
            serve(int(port))
        case ["greet", port, name]:
            sys.stdout.buffer.write(greet(int(port), name.encode()) + b"\n")
        case ["call", port, destination, *words]:
            sys.stdout.buffer.write(call(int(port), destination.encode(), " ".join(words).encode()) + b"\n")
        case _:
            sys.exit(__doc__)


def call(port: int, destination: bytes, payload: bytes) -> bytes:
    """Return the answer to one call, or what became of it."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = struct.pack(">HH", 0, len(destination)) + destination + struct.pack(">H", 0)
        connection.sendall(frame(TDISPATCH, 2, head + payload))
        _kind, _tag, body = read(connection)
        contexts, at = struct.unpack(">H", body[1:3])[0], 3
        for _ in range(2 * contexts):
            at += 2 + struct.unpack_from(">H", body, at)[0]
        return (b"", b"failed: ", b"refused")[body[0]] + body[at:]


def greet(port: int, name: bytes) -> bytes:
    """Return the result of a call of Thrift, in the binary protocol, or what became of it."""
    arguments = b"\x0b\0\1" + struct.pack(">I", len(name)) + name + b"\0"
    answer = call(port, b"", b"\x80\1\0\1" + struct.pack(">I5sI", 5, b"greet", 0) + arguments)
    reply = b"\x80\1\0\2" + struct.pack(">I5sI", 5, b"greet", 0)
    if answer.startswith(reply + b"\x0b\0\0"):
        return answer[len(reply) + 7 : -1]  # after the field 0, a text, and its length
    if answer.startswith(reply + b"\x0c\0\1"):
        return (
            b"not found: " + answer[len(reply) + 10 : -2]
        )  # the field 1, the exception, whose own field 1 is the name
    return answer


def serve(port: int) -> None:
    """Answer calls, on one connection after the other, for ever."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            connection, _peer = listener.accept()
            with connection:
                answer(connection)


def answer(connection: socket.socket) -> None:
    """Answer the calls of one connection: tell their destination and their payload."""
    try:
        while True:
            kind, tag, body = read(connection)
            if kind == TDISPATCH:
                at, (contexts,) = 2, struct.unpack_from(">H", body)
                for _ in range(2 * contexts):
                    at += 2 + struct.unpack_from(">H", body, at)[0]
                end = at + 2 + struct.unpack_from(">H", body, at)[0]
                told = b"asked for " + (body[at + 2 : end] or b"/") + b" with " + body[end + 2 :]
                connection.sendall(frame(RDISPATCH, tag, b"\0\0\0" + told))
            elif kind in ANSWERS:
                connection.sendall(frame(ANSWERS[kind], tag, body))
    except EOFError:
        return


def frame(kind: int, tag: int, body: bytes) -> bytes:
    """Return a message with its size."""
    return struct.pack(">II", 4 + len(body), kind << 24 | tag) + body


def read(connection: socket.socket) -> tuple[int, int, bytes]:
    """Return the type, the tag and the body of the next message."""
    size, head = struct.unpack(">II", exactly(connection, 8))
    return head >> 24, head & 0xFFFFFF, exactly(connection, size - 4)


def exactly(connection: socket.socket, size: int) -> bytes:
    """Return so many bytes. Raises `EOFError` if the connection ends before."""
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


if __name__ == "__main__":
    main()
