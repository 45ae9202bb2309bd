"""Until when an endpoint takes calls."""

import math

from mesh import Health, Status
from mesh_plugins.mux.lease import Lease


def test_an_endpoint_is_busy_when_its_lease_has_run_out_and_no_more_when_it_grants_another() -> None:
    health = Health()
    lease = Lease(health)
    seen = []

    for step in (lambda: lease.grant(2000, 10.0), lambda: lease.look(11.9), lambda: lease.look(12.0)):
        step()
        seen.append(health.status)
    lease.grant(1000, 13.0)
    seen.append(health.status)

    assert seen == [Status.OPEN, Status.OPEN, Status.BUSY, Status.OPEN]


def test_one_that_grants_nothing_is_busy_at_once() -> None:
    health = Health()

    Lease(health).grant(0, 10.0)

    assert health.status is Status.BUSY


def test_what_an_ended_session_said_counts_no_more() -> None:
    health = Health()
    lease = Lease(health)
    lease.grant(0, 10.0)

    lease.forget()

    assert health.status is Status.OPEN


def test_whoever_looks_learns_when_to_look_again() -> None:
    lease = Lease(Health())
    never = lease.look(5.0)
    lease.grant(2000, 10.0)

    assert (never, lease.look(11.0), lease.look(12.0)) == (math.inf, 12.0, math.inf)
