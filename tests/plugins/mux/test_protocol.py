"""Mux routers as a whole, from the stack file to the endpoint."""

import pytest

from mesh import Path, PoolLimits
from mesh_plugins.mux.message import MuxRequest
from mesh_plugins.mux.protocol import STACK, by_destination, make_request, shared


def test_the_default_stack_keeps_its_own_rules() -> None:
    STACK.verify()


def test_a_call_is_named_by_its_destination() -> None:
    name = by_destination(Path.read("/svc"))

    found = [name(MuxRequest(Path.read(text))) for text in ("/web", "/", "/web", "/a/b")]

    assert found == [Path.read(text) for text in ("/svc/web", "/svc", "/svc/web", "/svc/a/b")]


def test_people_call_a_call_by_the_destination_that_it_came_with() -> None:
    name, calls = by_destination(Path.read("/svc")), [MuxRequest(Path.read(text)) for text in ("/web/users", "/")]

    for call in calls:
        name(call)

    assert [call.method for call in calls] == [b"/web/users", b"/"]


def test_names_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh_plugins.mux.protocol.MEMO", 2)
    name = by_destination(Path.read("/svc"))

    found = [name(MuxRequest(Path.read(f"/{number}"))) for number in range(5)]

    assert found == [Path.read(f"/svc/{number}") for number in range(5)]


def test_one_connection_to_an_endpoint_is_enough_unless_the_file_says_how_many() -> None:
    assert [shared(PoolLimits()).max_size, shared(PoolLimits(max_size=3)).max_size] == [1, 3]


@pytest.mark.parametrize(("url", "expected"), [("/web", "/web"), ("mux://host:1/a/b/", "/a/b"), ("mux://host", "/")])
def test_an_explanation_takes_the_path_of_a_url(url: str, expected: str) -> None:
    assert make_request("GET", url, []).destination == Path.read(expected)


def test_a_url_whose_path_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="destination"):
        make_request("GET", "/a b", [])
