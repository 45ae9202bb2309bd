"""What a balancer shows of its endpoints; its metrics are in test_balancer.py."""

from random import Random

import attrs

from mesh import Life, Status
from mesh_plugins.balancers.members import Members
from mesh_plugins.balancers.p2c import P2CConfig, p2c
from mesh_plugins.balancers.shown import state
from mesh_plugins.binding import ON_SHOWN, ShowBalancer
from tests.plugins.balancers.balancing import A, Bench
from tests.plugins.balancers.rules import endpoint


def test_the_state_of_a_balancer_has_every_endpoint_with_what_an_operator_asks() -> None:
    members = Members(p2c(P2CConfig(), Random(7))(), probation=True)
    members.update([attrs.evolve(endpoint(0, 2.0), meta={"zone": "a"}), endpoint(1), endpoint(2)])
    members.update([attrs.evolve(endpoint(0, 2.0), meta={"zone": "a"}), endpoint(1)])
    members.nodes[endpoint(0)].load = 3
    members.nodes[endpoint(1)].health.say("breaker", Status.BUSY)

    assert state(members) == {
        "algorithm": "p2c_least_loaded",
        "panicking": False,
        "endpoints": [
            {
                "address": "10.0.0.0:80",
                "status": "open",
                "load": 3,
                "weight": 2.0,
                "used": False,
                "meta": {"zone": "a"},
            },
            {
                "address": "10.0.0.1:80",
                "status": "busy",
                "load": 0,
                "weight": 1.0,
                "used": False,
                "reasons": {"breaker": "busy"},
            },
            {"address": "10.0.0.2:80", "status": "open", "load": 0, "weight": 1.0, "used": False, "probation": True},
        ],
    }


async def test_a_balancer_tells_how_its_state_is_seen(life: Life) -> None:
    bench, told = Bench(life), list[ShowBalancer]()
    bench.params = bench.params.put(ON_SHOWN, told.append)

    built = bench.build(A)

    (shown,) = told
    assert shown() == state(built.members)
