"""A service of gRPC and its client, for `grpc.yaml`: `serve PORT`, or `ask PORT NAME...`. Needs grpcio.

The messages are plain text, so that no code has to be made for them; those of real services are protocol buffers.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

SERVICE = "demo.Greeter"
SECONDS = 5.0


def greet(name: bytes, context: grpc.ServicerContext) -> bytes:
    """Greet somebody; Nobody is not found."""
    if name == b"Nobody":
        context.abort(grpc.StatusCode.NOT_FOUND, "there is nobody")
    return b"Hello, " + name + b"!"


def shout(name: bytes, context: grpc.ServicerContext) -> bytes:
    return greet(name, context).upper()


def serve(port: int) -> None:
    """Serve for ever."""
    handlers = {
        "Greet": grpc.unary_unary_rpc_method_handler(greet),
        "Shout": grpc.unary_unary_rpc_method_handler(shout),
    }
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def ask(port: int, names: list[str]) -> None:
    """Have everybody greeted, by both methods."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        for name in names:
            for method in ("Greet", "Shout"):
                try:
                    answer = channel.unary_unary(f"/{SERVICE}/{method}")(name.encode(), timeout=SECONDS)
                except grpc.RpcError as error:
                    sys.stdout.write(f"{name}: {error.code().name}: {error.details()}\n")
                else:
                    sys.stdout.write(answer.decode() + "\n")


if __name__ == "__main__":
    command, given, *rest = sys.argv[1:]
    serve(int(given)) if command == "serve" else ask(int(given), rest or ["you", "Nobody"])
