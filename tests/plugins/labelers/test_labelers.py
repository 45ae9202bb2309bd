"""What the two ends of a connection are called."""

import random
import re
from typing import Any

import pytest

from mesh import ROUTER_LABEL, Params
from mesh.testing import memory_connections
from mesh_plugins.labelers.labelers import (
    LabelerConfig,
    StaticConfig,
    connection_random,
    ip,
    ip_and_port,
    request_random,
    router,
    static,
    tokens,
)

OBFUSCATED = re.compile(r"_[A-Za-z0-9]{6}")


@pytest.mark.parametrize(
    ("address", "alone", "with_port"),
    [
        ("8.8.8.8:53", "8.8.8.8", '"8.8.8.8:53"'),
        ("[2001:db8:cafe::17]:80", '"[2001:db8:cafe::17]"', '"[2001:db8:cafe::17]:80"'),
        ("[fe80::1%eth0]:80", '"[fe80::1]"', '"[fe80::1]:80"'),
        ("0.0.0.0:80", "unknown", "unknown"),
        ("[::]:80", "unknown", "unknown"),
        ("stream", "unknown", "unknown"),
        ("", "unknown", "unknown"),
    ],
)
def test_an_address_is_a_node_as_the_rfc_has_it(address: str, alone: str, with_port: str) -> None:
    assert ip(LabelerConfig(), Params())(address, None) == alone
    assert ip_and_port(LabelerConfig(), Params())(address, None) == with_port


def test_every_request_gets_a_token_of_its_own() -> None:
    label = tokens(random.Random(7))

    made = [label("8.8.8.8:53", None) for _number in range(50)]

    assert all(OBFUSCATED.fullmatch(token) for token in made)
    assert len(set(made)) == 50
    assert request_random(LabelerConfig(), Params())("[::]:0", None) == "unknown"


async def test_a_connection_keeps_its_token() -> None:
    label = connection_random(LabelerConfig(), Params())
    one, other = memory_connections()

    labels = [label("8.8.8.8:53", connection) for connection in (one, one, other)]

    assert labels[0] == labels[1] != labels[2]
    assert OBFUSCATED.fullmatch(labels[0])
    assert [label("", one), label("8.8.8.8:53", None)] == ["unknown", "unknown"]


@pytest.mark.parametrize(
    ("label", "expected"), [("http", "_http"), ("_http", "_http"), ("my router/1", "_my-router-1")]
)
def test_a_label_is_an_obfuscated_identifier(label: str, expected: str) -> None:
    made: list[Any] = [
        router(LabelerConfig(), Params().put(ROUTER_LABEL, label)),
        static(StaticConfig(label), Params()),
    ]

    assert [labeler("", None) for labeler in made] == [expected, expected]
