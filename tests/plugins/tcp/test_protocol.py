"""What the protocol `tcp` brings."""

import pytest

from mesh_plugins.tcp.protocol import STACK, make_request


def test_the_default_stack_keeps_its_own_rules() -> None:
    STACK.verify()

    assert [module.role for module in STACK if module.branch] == ["router", "binding", "balancer"]


@pytest.mark.parametrize(
    ("url", "port", "name"),
    [
        ("tcp://db:5432", 5432, b""),
        ("tcp://db", 1, b""),
        ("tls://Web.Test:443", 443, b"web.test"),
        ("https://web.test/a:b", 1, b"web.test"),
        ("db", 1, b""),
    ],
)
def test_a_url_is_made_a_connection(url: str, port: int, name: bytes) -> None:
    made = make_request(url, 1)

    assert (made.port, made.server_name, made.is_tls) == (port, name, bool(name))
