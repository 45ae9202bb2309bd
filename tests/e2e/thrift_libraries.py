"""The service of `every.thrift`, and clients of it, made with thriftpy2 and with Apache Thrift.

As a program, `python -m tests.e2e.thrift_libraries FOLDER`, it serves with both, in every protocol and transport, until it is
ended; it first prints its ports as JSON, by what is spoken on each. FOLDER has what Apache's compiler made of the IDL.
"""

import contextlib
import importlib
import itertools
import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import thriftpy2
from thrift.protocol.TBinaryProtocol import TBinaryProtocolFactory
from thrift.protocol.TCompactProtocol import TCompactProtocolFactory
from thrift.server.TServer import TThreadedServer
from thrift.transport.TSocket import TServerSocket, TSocket
from thrift.transport.TTransport import TBufferedTransportFactory, TFramedTransportFactory
from thriftpy2 import protocol, rpc, transport

from tests.ports import free_port

IDL = Path(__file__).with_name("every.thrift")
LIBRARIES = ("thriftpy2", "apache")
WAYS = tuple(itertools.product(("binary", "compact"), (True, False)))
"""What can be spoken: the protocol, and whether in frames."""
SECONDS = 60.0

Module = Any  # what an IDL became; there is nothing to check it against


def load(library: str, folder: str) -> Module:
    """Return the types and the service of the IDL as one of the libraries has them."""
    if library == "thriftpy2":
        return thriftpy2.load(str(IDL), module_name="every_thrift")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    types = importlib.import_module("every.ttypes")
    return SimpleNamespace(**vars(types), Every=importlib.import_module("every.Every"))


def name(library: str, way: tuple[str, bool]) -> str:
    """Return what the ports of the program are called by."""
    return f"{library} {way[0]} {'framed' if way[1] else 'buffered'}"


class Service:
    """What is served. `noted` is how often something was noted, whoever did."""

    def __init__(self, idl: Module) -> None:
        self._idl = idl
        self._noted = 0

    def deep(self, it: Any) -> Any:
        return it

    def greet(self, name: str) -> str:
        if name == "Nobody":
            raise self._idl.Sad(name)
        return f"Hello, {name}!"

    def count(self) -> int:
        return self._noted

    def fail(self) -> None:
        raise ValueError("on purpose")

    def note(self, line: str) -> None:
        self._noted += 1


def _factories(library: str, way: tuple[str, bool]) -> tuple[Any, Any]:
    """Return the factories of the transport and the protocol."""
    encoding, is_framed = way
    if library == "thriftpy2":
        transports = transport.TFramedTransportFactory if is_framed else transport.TBufferedTransportFactory
        protocols = protocol.TBinaryProtocolFactory if encoding == "binary" else protocol.TCompactProtocolFactory
        return transports(), protocols()
    return (
        TFramedTransportFactory() if is_framed else TBufferedTransportFactory(),
        TBinaryProtocolFactory() if encoding == "binary" else TCompactProtocolFactory(),
    )


@contextlib.contextmanager
def client(library: str, way: tuple[str, bool], port: int, idl: Module) -> Iterator[Any]:
    """Connect a client, which blocks while it asks."""
    transports, protocols = _factories(library, way)
    if library == "thriftpy2":
        made = rpc.make_client(
            idl.Every, "127.0.0.1", port, proto_factory=protocols, trans_factory=transports, timeout=int(SECONDS * 1e3)
        )
        try:
            yield made
        finally:
            made.close()
        return
    sock = TSocket("127.0.0.1", port)
    sock.setTimeout(SECONDS * 1e3)
    carrier = transports.getTransport(sock)
    carrier.open()
    try:
        yield idl.Every.Client(protocols.getProtocol(carrier))
    finally:
        carrier.close()


def value(idl: Module) -> Any:
    """Return a value with something of every type in it."""
    leaves = [idl.Leaf(name="a", weight=-(2**31)), idl.Leaf(name="ü")]
    return idl.Deep(
        numbers={"some": [1, -1, 2**63 - 1], "none": []},
        yes=True,
        ratio=-1.5,
        blob=b"\x00\xff",
        few={1, -200},
        tiny=-7,
        leaves=leaves * 20,
        flags={1: {"yes": True, "no": False}, 2: {}},
    )


def _server(library: str, way: tuple[str, bool], port: int, idl: Module) -> Any:
    transports, protocols = _factories(library, way)
    if library == "thriftpy2":
        return rpc.make_server(
            idl.Every,
            Service(idl),
            "127.0.0.1",
            port,
            proto_factory=protocols,
            trans_factory=transports,
            client_timeout=0,
        )
    processor = idl.Every.Processor(Service(idl))
    return TThreadedServer(processor, TServerSocket("127.0.0.1", port), transports, protocols, daemon=True)


def main(folder: str) -> None:
    """Serve until ended."""
    logging.disable()  # the libraries log what the tests make the service raise
    ports = {}
    for library in LIBRARIES:
        idl = load(library, folder)
        for way in WAYS:
            port = ports[name(library, way)] = free_port()
            server = _server(library, way, port, idl)
            threading.Thread(target=server.serve, daemon=True).start()
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1])
