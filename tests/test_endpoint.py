import pytest

from mesh.endpoint import AddrBound, Endpoint, Health, Status


@pytest.mark.parametrize(
    ("endpoint", "shown"),
    [(Endpoint("10.0.0.1", 80), "10.0.0.1:80"), (Endpoint("::1", 8080), "[::1]:8080")],
)
def test_an_endpoint_is_shown_so_that_host_and_port_can_be_told_apart(endpoint: Endpoint, shown: str) -> None:
    assert str(endpoint) == shown


def test_endpoints_are_the_same_whatever_their_weights_and_metadata() -> None:
    light, heavy = Endpoint("10.0.0.1", 80), Endpoint("10.0.0.1", 80, weight=9.0, meta={"zone": "a"})

    assert (light == heavy, hash(light) == hash(heavy), light == Endpoint("10.0.0.1", 81)) == (True, True, False)


def test_sets_of_endpoints_differ_by_weights_and_metadata_too() -> None:
    light, heavy = Endpoint("10.0.0.1", 80), Endpoint("10.0.0.1", 80, weight=9.0)

    assert AddrBound((light,)) == AddrBound((Endpoint("10.0.0.1", 80),))
    assert AddrBound((light,)) != AddrBound((heavy,))
    assert AddrBound((light,)) != AddrBound((light,), stale="no answer")


def test_an_endpoint_is_fit_until_somebody_says_otherwise() -> None:
    assert (Health().status, dict(Health().reasons)) == (Status.OPEN, {})


def test_the_worst_that_anybody_says_counts() -> None:
    health = Health()

    health.say("connect", Status.BUSY)
    health.say("probe", Status.CLOSED)
    health.say("accrual", Status.OPEN)

    assert health.status is Status.CLOSED
    assert health.reasons == {"connect": Status.BUSY, "probe": Status.CLOSED}


def test_whoever_takes_back_what_it_said_counts_no_more() -> None:
    health = Health()
    health.say("connect", Status.BUSY)
    health.say("probe", Status.CLOSED)

    health.say("probe", Status.OPEN)
    first = health.status
    health.say("connect", Status.OPEN)

    assert (first, health.status) == (Status.BUSY, Status.OPEN)


def test_a_change_of_mind_is_told_to_who_asked_for_it() -> None:
    health, told = Health(), list[Status]()
    health.on_change("connect", told.append)

    health.say("connect", Status.BUSY)
    health.say("connect", Status.BUSY)
    health.say("probe", Status.CLOSED)
    health.say("connect", Status.OPEN)
    health.say("connect", Status.OPEN)

    assert told == [Status.BUSY, Status.OPEN]


def test_who_is_told_of_a_change_may_say_something_itself() -> None:
    class Noting(Health):
        __slots__ = ("changes",)

        def __init__(self) -> None:
            super().__init__()
            self.changes: list[tuple[Status, Status]] = []

        def changed(self, before: Status) -> None:
            self.changes.append((before, self.status))

    health = Noting()
    health.on_change("connect", lambda status: health.say("accrual", status))

    health.say("connect", Status.BUSY)
    health.say("connect", Status.OPEN)

    assert health.changes == [(Status.OPEN, Status.BUSY), (Status.BUSY, Status.OPEN)]
