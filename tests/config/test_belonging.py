"""Keys that stand in the wrong part of a router."""

from collections.abc import Callable

import pytest

from mesh.config import read_text
from mesh.errors import ConfigError
from mesh.keys import Category, Kind
from mesh.plugins import Kinds

Problems = Callable[[str], list[str]]

ROUTER = "routers:\n- protocol: plain\n"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("  timeoutMs: 1\n  servers: [{}]\n", "3:3 routers[0].timeoutMs: unknown key; expected it in `servers`"),
        ("  greeting: x\n  servers: [{}]\n", "3:3 routers[0].greeting: unknown key; expected it in `client`"),
        ("  tls: {}\n  servers: [{}]\n", "3:3 routers[0].tls: unknown key; expected it in `servers` or `client`"),
        (
            "  servers: [{dtab: /a => /b}]\n",
            "3:14 routers[0].servers[0].dtab: unknown key; expected it in the router itself",
        ),
        (
            "  servers: [{}]\n  client:\n    kind: static\n    configs: [{prefix: /, totalTimeoutMs: 1}]\n",
            "6:27 routers[0].client.configs[0].totalTimeoutMs: unknown key; expected it in `service`",
        ),
    ],
)
def test_a_key_of_another_part_is_told_where_it_belongs(written: str, expected: str, problems: Problems) -> None:
    assert problems(ROUTER + written) == [expected]


def test_a_key_of_another_protocol_is_told_which(kinds: Kinds) -> None:
    both = Kinds([*kinds.all(), Kind("bare", Category.PROTOCOL, "Bare.")])

    with pytest.raises(ConfigError) as caught:
        read_text("routers:\n- protocol: bare\n  servers: [{port: 1}]\n  loudness: 3\n", file="", kinds=both)

    found = [f"{problem.line}:{problem.column} {problem.show()}" for problem in caught.value.problems]
    assert found == ["4:3 routers[0].loudness: unknown key; expected it in a router of the protocol plain"]


def test_a_misspelt_key_is_told_the_nearest_of_its_own_part(problems: Problems) -> None:
    assert problems(ROUTER + "  servers: [{timeoutMss: 1}]\n") == [
        "3:14 routers[0].servers[0].timeoutMss: unknown key; did you mean timeoutMs?"
    ]
