"""What Finagle's balancers pick, case by case, from the YAML file beside this one.

After five picks that met no open endpoint the fifth is used, as in linkerd, where Finagle draws a sixth.
"""

from collections.abc import Awaitable, Callable
from random import Random

import pytest

from mesh import (
    BOUND,
    ENDPOINT,
    HEALTH,
    LIFE,
    Addr,
    AddrBound,
    BoundName,
    Endpoint,
    Fixed,
    Health,
    Life,
    Metrics,
    Params,
    Path,
    Reply,
    Request,
    Status,
    Unavailable,
)
from mesh.metrics import flat
from mesh.testing import ManualClock, Trickle, reply, request
from mesh_plugins.balancers.aperture import aperture
from mesh_plugins.balancers.balancer import NEW_DISTRIBUTOR, Balancer
from mesh_plugins.balancers.deterministic import Coordinate, parts
from mesh_plugins.balancers.heap import HeapConfig, heap
from mesh_plugins.balancers.load_band import ApertureConfig
from mesh_plugins.balancers.members import Members
from mesh_plugins.balancers.node import NewDistributor
from mesh_plugins.balancers.p2c import P2CConfig, p2c
from mesh_plugins.balancers.round_robin import RoundRobinConfig, round_robin
from mesh_plugins.balancers.shown import show
from tests.conformance.finagle.cases import STATUSES, Case, cases


class Scripted(Random):
    """Draws what a case says, as fractions of the numbers that are drawn from in turn."""

    def __init__(self, draws: list[int], size: int) -> None:
        super().__init__()
        self._draws = iter(draws)
        self._bounds = [size, size - 1]

    def random(self) -> float:
        self._bounds.reverse()
        return (next(self._draws) + 0.5) / self._bounds[1]


class Low(Random):
    """Draws always the least number."""

    def random(self) -> float:
        return 0.0


def distributor_of(given: Case) -> NewDistributor:
    """Return the rule that a case describes."""
    effort = given.get("max_effort", 5)
    match given["kind"]:
        case "p2c":
            return p2c(P2CConfig(max_effort=effort), Scripted(given.get("draws", []), given["n"]))
        case "heap":
            return heap(HeapConfig(), Low())
        case "rr":
            return round_robin(RoundRobinConfig(max_effort=effort), Low())
        case "aperture":
            config = ApertureConfig(
                smooth_window_ms=given["smooth_ns"] // 1_000_000,
                low_load=given["low"],
                high_load=given["high"],
                min_aperture=given["min"],
            )
            return aperture(config, Low(), ManualClock())
    raise AssertionError(f"a balancer of unknown kind: {given['kind']!r}")


BALANCING = [case for kind in ("p2c", "heap", "rr", "aperture") for case in cases(f"balancer_{kind}")]


@pytest.mark.parametrize(("given", "expect"), BALANCING)
async def test_the_same_endpoints_are_picked(given: Case, expect: Case, life: Life) -> None:
    metrics = Metrics()
    addr = Fixed[Addr](AddrBound(tuple(Endpoint(f"10.0.0.{number}", 80) for number in range(given["n"]))))
    params = Params().put(LIFE, life).put(HEALTH, Health()).put(NEW_DISTRIBUTOR, distributor_of(given))
    name = BoundName(Path.read("/#/fs/web"), Path(), addr)
    picked: list[Endpoint] = []

    def rest(below: Params) -> Callable[[Request], Awaitable[Reply]]:
        async def answer(_request: Request, /) -> Reply:
            picked.append(below[ENDPOINT])
            return reply(200, Trickle(b"held"))

        return answer

    balancer = Balancer(params.put(BOUND, name), rest, name)
    show(balancer.members, metrics)
    nodes, replies, seen = list(balancer.nodes.values()), list[Reply](), list[object]()
    for step in given["steps"]:
        match step:
            case "acquire":
                try:
                    replies.append(await balancer(request()))
                    seen.append([node.endpoint for node in nodes].index(picked[-1]))
                except Unavailable:
                    seen.append("error:NoBrokersAvailableException")
            case ["release", number]:
                await replies[number].aclose()
                seen.append("-")
            case ["status", number, status]:
                nodes[number].health.say("test", Status[status.upper()])
                seen.append("-")
            case "aperture":
                seen.append(flat(metrics)["loadbalancer/logical_aperture"])
            case "lb_status":
                seen.append(STATUSES[min((node.health.status for node in nodes), default=Status.CLOSED)])
            case counted:
                seen.append(flat(metrics)[f"loadbalancer/{counted}"])

    assert seen == expect


@pytest.mark.parametrize(("given", "expect"), cases("weighted_aperture_normalize"))
def test_weights_are_arcs_of_a_ring(given: Case, expect: Case) -> None:
    whole = parts(given["weights"], Coordinate(0, 1))

    assert whole == pytest.approx(expect["normalized"], rel=1e-9)


@pytest.mark.parametrize(("given", "expect"), cases("weighted_aperture_adjust"))
def test_a_process_has_its_part_of_the_ring(given: Case, expect: Case) -> None:
    inside = parts(given["weights"], Coordinate(given["instance_id"], given["total_instances"]))

    assert [index for index, part in enumerate(inside) if part] == expect["nonzero_indices"]
    assert sum(inside) == pytest.approx(expect["sum"], abs=expect["tolerance"])


@pytest.mark.parametrize(("given", "expect"), cases("p2c_panic_probability"))
def test_as_many_requests_find_nothing_open(given: Case, expect: Case) -> None:
    members = Members(p2c(P2CConfig(given["max_effort"]), Random(7))())
    members.update([Endpoint("10.0.0.1", port) for port in range(given["nodes"])])
    nodes, asked, panicked = list(members.nodes.values()), request(), list[float]()
    assert members.pick is not None
    for fraction in given["unhealthy_fraction"]:
        for node in nodes[: round(fraction * given["nodes"])]:
            node.health.say("test", Status.BUSY)
        panicked.append(sum(members.pick(asked).status != 0 for _time in range(4000)) / 4000)

    assert panicked == pytest.approx(expect["fraction_of_requests_that_panic"], abs=2 * expect["tolerance"])
