"""A service of Thrift's and its client, to try `thrift.yaml` and `thriftmux.yaml` with. Needs thriftpy2.

python thrift_users.py serve 9090
python thrift_users.py ask 4114 World Nobody
"""

import sys
from pathlib import Path

import thriftpy2
from thriftpy2.protocol import TBinaryProtocolFactory, TCompactProtocolFactory
from thriftpy2.rpc import make_client, make_server
from thriftpy2.transport import TBufferedTransportFactory, TFramedTransportFactory

idl = thriftpy2.load(str(Path(__file__).with_name("users.thrift")), module_name="users_thrift")
FRAMED_BINARY = {"trans_factory": TFramedTransportFactory(), "proto_factory": TBinaryProtocolFactory()}
BUFFERED_COMPACT = {"trans_factory": TBufferedTransportFactory(), "proto_factory": TCompactProtocolFactory()}


class Users:
    """Knows everybody but Nobody."""

    def greet(self, name: str) -> str:
        if name == "Nobody":
            raise idl.NotFound(name)
        return f"Hello, {name}!"

    def forget(self, name: str) -> None:
        sys.stdout.write(f"who is {name}?\n")
        sys.stdout.flush()


def serve(port: int) -> None:
    """Serve in the compact protocol, without frames."""
    make_server(idl.Users, Users(), "127.0.0.1", port, **BUFFERED_COMPACT).serve()


def ask(port: int, names: list[str]) -> None:
    """Ask in the binary protocol, with frames."""
    client = make_client(idl.Users, "127.0.0.1", port, **FRAMED_BINARY)
    for name in names:
        try:
            sys.stdout.write(f"{client.greet(name)}\n")
        except idl.NotFound as error:
            sys.stdout.write(f"not found: {error.name}\n")
        client.forget(name)
    client.close()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", port]:
            serve(int(port))
        case ["ask", port, *names]:
            ask(int(port), names)
        case _:
            sys.exit(__doc__)
