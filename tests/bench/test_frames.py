"""The calls that the benchmark makes, and the service that answers them."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from mesh_plugins.thrift.exceptions import result_field
from mesh_plugins.thrift.message import read_reply, read_request
from tests.bench.backend import ROOT
from tests.bench.frames import CALL, REPLY, TEXT, answers, load
from tests.ports import free_ports


@pytest.fixture(scope="module")
def echo() -> Iterator[tuple[str, int]]:
    """The address of a service that runs."""
    address = "127.0.0.1", free_ports(1)[0]
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.frames", str(address[1])], cwd=ROOT)
    try:
        for _attempt in range(500):
            try:
                socket.create_connection(address).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.01)
        yield address
    finally:
        process.kill()
        process.wait()


def test_a_call_and_its_reply_are_what_thrift_says_they_are() -> None:
    request, reply = read_request(CALL[4:]), read_reply(REPLY[4:])

    assert (request.method, request.head.seqid, TEXT in CALL) == (b"echo", 1, True)
    assert (reply.head.seqid, result_field(reply), reply.is_exception) == (1, 0, False)
    assert [int.from_bytes(frame[:4], "big") for frame in (CALL, REPLY)] == [len(CALL) - 4, len(REPLY) - 4]


@pytest.mark.slow
def test_the_service_answers_every_call(echo: tuple[str, int]) -> None:
    assert answers(echo)
    assert load(echo, connections=2, seconds=0.1) > 0


@pytest.mark.slow
def test_a_connection_that_ends_is_no_answer(echo: tuple[str, int]) -> None:
    with socket.create_connection(echo) as connection:
        connection.sendall(b"something else")

        assert connection.recv(1) == b""
