"""ThriftMux routers as a whole; tests/e2e/test_mux.py has them with endpoints of both kinds."""

import pytest

from mesh import Path
from mesh_plugins.thriftmux.methods import head_of
from mesh_plugins.thriftmux.protocol import STACK, make_request


def test_the_default_stack_keeps_its_own_rules() -> None:
    STACK.verify()


def test_an_explanation_takes_the_method_of_a_url_and_the_destination_of_a_header() -> None:
    request = make_request("GET", "thriftmux://x/users:get", [("Dest", "/a/b")])

    assert (request.destination, head_of(request.body.buffered or b"").name) == (Path.read("/a/b"), b"users:get")


def test_a_destination_that_is_no_path_is_refused() -> None:
    with pytest.raises(ValueError, match="destination"):
        make_request("GET", "/get", [("dest", "/a b")])
