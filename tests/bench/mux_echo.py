"""`python -m tests.bench.mux_echo PORT`: answers every dispatch of Mux with the last 64 bytes of it, as fast as Python can.

It knows no more of the protocol than peers need: the opening of a session, pings, and dispatches.
"""

import selectors
import socket
import sys

PAYLOAD = 64
RDISPATCH = (7 + PAYLOAD).to_bytes(4, "big") + b"\xfe"
CAN_TINIT, TINIT, TPING, TDISPATCH = 0x7F, 0x44, 0x41, 0x02


class Session:
    """One connection; `received` is what is there of a frame whose end has not come."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = b""

    def go_on(self) -> bool:
        """Answer what came; return false at the end of the connection."""
        chunk = self._connection.recv(1 << 18)
        answers, self._received = answer(self._received + chunk)
        if answers:
            self._connection.sendall(answers)
        return bool(chunk)


def answer(data: bytes) -> tuple[bytes, bytes]:
    """Return the answers to the frames in `data`, and what is left."""
    answers = []
    at = 0
    while at + 4 <= len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            break
        kind, tag = data[at + 4], data[at + 5 : at + 8]
        if kind == TDISPATCH:
            answers.append(RDISPATCH + tag + b"\0\0\0" + data[end - PAYLOAD : end])
        elif kind == TPING:
            answers.append(b"\0\0\0\x04\xbf" + tag)
        elif kind == CAN_TINIT:
            answers.append(data[at:end])
        elif kind == TINIT:
            answers.append(b"\0\0\0\x06\xbc" + tag + b"\0\1")
        at = end
    return b"".join(answers), data[at:]


def serve(port: int) -> None:
    """Serve until the process is ended."""
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for ready, _ in selector.select():
                if ready.data is None:
                    connection, _address = listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    selector.register(connection, selectors.EVENT_READ, (connection, Session(connection)))
                elif not _goes_on(ready.data[1]):
                    selector.unregister(ready.data[0])
                    ready.data[0].close()


def _goes_on(session: Session) -> bool:
    try:
        return session.go_on()
    except ConnectionError:
        return False


if __name__ == "__main__":
    serve(int(sys.argv[1]))
