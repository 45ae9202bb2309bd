"""Where the circuit breakers of a router are found."""

from collections.abc import Mapping

from mesh.breakers import Breakers
from mesh.endpoint import Endpoint

A, B = Endpoint("10.0.0.1", 80), Endpoint("10.0.0.2", 80)


class Silent:
    """A breaker that has nothing to say."""

    def show(self) -> Mapping[str, object]:
        return {}

    def reset(self) -> None:
        """Do nothing."""


def places(breakers: Breakers, client: str = "", endpoint: str = "") -> list[tuple[str, Endpoint]]:
    return [(placed.client, placed.endpoint) for placed in breakers.find(client, endpoint)]


def test_breakers_are_found_by_client_and_by_endpoint() -> None:
    breakers = Breakers()
    for client, endpoint in (("/#/a", A), ("/#/a", B), ("/#/b", A)):
        breakers.add(client, endpoint, Silent())

    assert places(breakers) == [("/#/a", A), ("/#/a", B), ("/#/b", A)]
    assert places(breakers, "/#/a") == [("/#/a", A), ("/#/a", B)]
    assert places(breakers, endpoint="10.0.0.1:80") == [("/#/a", A), ("/#/b", A)]
    assert places(breakers, "/#/b", "10.0.0.2:80") == []


def test_a_breaker_that_was_taken_out_is_found_no_more() -> None:
    breakers = Breakers()
    take_out = breakers.add("/#/a", A, Silent())
    breakers.add("/#/a", A, Silent())

    take_out()
    take_out()

    assert places(breakers) == [("/#/a", A)]


def test_breakers_that_are_taken_over_are_found_and_taken_out_as_before() -> None:
    before, after = Breakers(), Breakers()
    take_out = before.add("/#/a", A, Silent())
    take_new_out = after.add("/#/b", B, Silent())

    after.join(before)
    joined = places(after)
    take_out()
    take_new_out()

    assert (joined, places(after)) == ([("/#/a", A), ("/#/b", B)], [])
