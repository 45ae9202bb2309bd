"""Kinds that cannot be chosen because their plugin is missing."""

import pytest

from mesh.config import read_text
from mesh.errors import ConfigError
from mesh.plugins import Failure, Kinds
from tests.config.stand_ins import KINDS

ROUTER = "routers:\n- protocol: plain\n  servers: [{}]\n"


def refusal(text: str, kinds: Kinds) -> str:
    with pytest.raises(ConfigError) as caught:
        read_text(text, file="", kinds=kinds)
    return str(caught.value)


def test_a_default_kind_that_is_not_installed_is_told() -> None:
    kinds = Kinds(kind for kind in KINDS if kind.name != "p2c")

    assert refusal(ROUTER, kinds) == "routers[0].client.loadBalancer: the default balancer p2c is not installed"


def test_plugins_that_failed_are_named_where_a_kind_is_missing() -> None:
    kinds = Kinds((kind for kind in KINDS if kind.name != "p2c"), (Failure("mine (my-dist)", "ImportError: x"),))

    message = refusal(ROUTER + "  service: {responseClassifier: {kind: zzz}}\n", kinds)

    assert message.endswith(
        "expected one of io.l5d.lenient, io.l5d.strict (plugins that could not be loaded: mine (my-dist))"
    )
