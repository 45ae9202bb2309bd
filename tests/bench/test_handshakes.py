import pathlib
import socket
import ssl
import threading

from tests.bench.handshakes import shake_hands
from tests.certificates import Authority

REPLY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def serve(listener: socket.socket, context: ssl.SSLContext, resumed: list[bool | None]) -> None:
    """Answer one request a connection, until the listener is closed, and note whether its session was an old one."""
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        with context.wrap_socket(sock, server_side=True) as connection:
            resumed.append(connection.session_reused)
            connection.recv(65536)
            connection.sendall(REPLY)


def test_every_connection_makes_keys_of_its_own(tmp_path: pathlib.Path) -> None:
    files = Authority(tmp_path).issue("web")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key)
    resumed: list[bool | None] = []

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener, context, resumed))
        server.start()
        count, _ = shake_hands(listener.getsockname(), seconds=0.05)
        listener.shutdown(socket.SHUT_RDWR)
    server.join()

    assert resumed == [False] * count
