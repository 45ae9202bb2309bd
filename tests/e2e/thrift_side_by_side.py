"""A real server of `every.thrift` that serves the calls of a connection side by side, each in a thread.

What is read and written is Apache Thrift's doing; that libraries have no such server of their own is why it is here.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

from thrift.protocol.TBinaryProtocol import TBinaryProtocolFactory
from thrift.protocol.TCompactProtocol import TCompactProtocolFactory
from thrift.transport.TTransport import TMemoryBuffer

PROTOCOLS = {"binary": TBinaryProtocolFactory, "compact": TCompactProtocolFactory}
SECONDS = 60.0

Idl = Any  # what an IDL became; there is nothing to check it against


class Gate:
    """The service. It answers `greet("held")` once somebody called `greet("release")`."""

    def __init__(self) -> None:
        self._released = threading.Event()
        self.connections = 0

    def greet(self, name: str) -> str:
        if name == "release":
            self._released.set()
        elif name == "held" and not self._released.wait(SECONDS):
            return "nobody came"
        return f"Hello, {name}!"

    def count(self) -> int:
        return self.connections


def _exactly(sock: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = sock.recv(size - len(found))
        if not piece:
            raise ConnectionError
        found += piece
    return found


def _serve(sock: socket.socket, idl: Idl, service: Gate, protocol: str) -> None:
    lock, factory, processor = threading.Lock(), PROTOCOLS[protocol](), idl.Every.Processor(service)

    def answer(call: bytes) -> None:
        out = TMemoryBuffer()
        processor.process(factory.getProtocol(TMemoryBuffer(call)), factory.getProtocol(out))
        reply = out.getvalue()
        if reply:
            with lock, contextlib.suppress(OSError):
                sock.sendall(struct.pack(">i", len(reply)) + reply)

    with contextlib.suppress(OSError), sock:
        while True:
            call = _exactly(sock, struct.unpack(">i", _exactly(sock, 4))[0])
            threading.Thread(target=answer, args=(call,), daemon=True).start()


@contextlib.contextmanager
def serving(idl: Idl, protocol: str) -> Iterator[tuple[int, Gate]]:
    """Serve on a free port inside the block; yield the port and the service."""
    service = Gate()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    sock, _address = listener.accept()
                    service.connections += 1
                    threading.Thread(target=_serve, args=(sock, idl, service, protocol), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], service
        listener.shutdown(socket.SHUT_RDWR)
