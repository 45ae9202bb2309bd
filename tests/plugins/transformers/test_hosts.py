"""The transformers that keep the addresses of one host."""

import errno
import socket
from typing import NoReturn

import pytest

from mesh import Addr, AddrFailed, AddrNeg, AddrPending, Params, Path
from mesh_plugins.transformers.config import LocalhostConfig, SpecificHostConfig
from mesh_plugins.transformers.hosts import is_own, localhost, specific_host
from tests.plugins.transformers.transforming import PARAMS, become, hosts

PREFIX = Path.read("/%/x")
ELSEWHERE = "192.0.2.1"  # for documentation (RFC 5737): of no machine


def test_localhost_keeps_what_is_on_this_host() -> None:
    assert hosts(localhost(LocalhostConfig(), PREFIX, PARAMS), f"{ELSEWHERE}:80", "127.0.0.1:81", "::1:82") == [
        "127.0.0.1:81",
        "[::1]:82",
    ]


def test_where_no_address_is_left_there_is_no_such_name() -> None:
    transformer = localhost(LocalhostConfig(), PREFIX, PARAMS)

    assert [become(transformer, [f"{ELSEWHERE}:80"]), become(transformer, [])] == [AddrNeg(), AddrNeg()]


def test_what_is_no_address_set_stays() -> None:
    addrs: list[Addr] = [AddrPending(), AddrNeg(), AddrFailed("down")]

    assert [become(localhost(LocalhostConfig(), PREFIX, PARAMS), addr) for addr in addrs] == addrs


def test_a_system_that_cannot_say_which_addresses_are_its_own_fails_the_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "socket", refuse)

    assert become(localhost(LocalhostConfig(), PREFIX, PARAMS), ["127.0.0.1:80"]) == AddrFailed(
        "cannot tell which addresses are this host's: Too many open files"
    )


@pytest.mark.parametrize(("host", "expected"), [("127.0.0.1", True), ("::1", True), (ELSEWHERE, False)])
def test_an_address_is_this_hosts_own(host: str, expected: bool) -> None:
    assert is_own(host) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [("10.0.0.2", ["10.0.0.2:80", "10.0.0.2:81"]), ("fd00:0::0:1", ["[fd00::1]:82"]), ("localhost", ["127.0.0.1:83"])],
)
def test_specific_host_keeps_one_host(host: str, expected: list[str]) -> None:
    transformer = specific_host(SpecificHostConfig(host), PREFIX, PARAMS)

    assert hosts(transformer, "10.0.0.2:80", "10.0.0.2:81", "fd00::1:82", "127.0.0.1:83", "10.0.0.3:80") == expected


async def test_a_host_given_by_name_is_as_pending_as_its_name() -> None:
    transformer = specific_host(SpecificHostConfig("host.example"), PREFIX, PARAMS)

    assert become(transformer, ["10.0.0.2:80"]) == AddrPending()


def test_what_is_no_host_is_refused() -> None:
    with pytest.raises(ValueError, match="neither an IP address nor the name of a host"):
        specific_host(SpecificHostConfig("web"), PREFIX, Params())
