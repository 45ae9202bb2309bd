"""What a balancer shows of itself: metrics with Finagle's names, and its endpoints one by one."""

from mesh import Metrics, Status
from mesh_plugins.balancers.members import Members
from mesh_plugins.balancers.node import Node


def show(members: Members, scope: Metrics) -> None:
    """Show a balancer among the metrics of its client."""
    counts, census, own = members.counts, members.census, scope.scope("loadbalancer")
    scope.gauge("available", fn=lambda: int(census[Status.OPEN] > 0))
    own.gauge("size", fn=lambda: len(members.nodes))
    own.gauge("available", fn=lambda: census[Status.OPEN])
    own.gauge("busy", fn=lambda: census[Status.BUSY])
    own.gauge("closed", fn=lambda: census[Status.CLOSED])
    own.gauge("load", fn=lambda: sum(node.load for node in members.nodes.values()))
    own.gauge("probation", fn=lambda: members.on_probation)
    own.gauge("panicking", fn=lambda: int(members.panicking))
    own.counter("adds", fn=lambda: counts.adds)
    own.counter("removes", fn=lambda: counts.removes)
    own.counter("updates", fn=lambda: counts.updates)
    own.counter("rebuilds", fn=lambda: counts.rebuilds + members.distributor.rebuilds())
    own.counter("max_effort_exhausted", fn=lambda: counts.max_effort_exhausted)
    own.counter("panicked", fn=lambda: counts.panicked)
    if members.distributor.algorithm:
        own.scope("algorithm").gauge(members.distributor.algorithm, fn=lambda: 1.0)
    members.distributor.show(own)


def state(members: Members) -> dict[str, object]:
    """Return the state of a balancer and of each endpoint as JSON, for the admin server."""
    return {
        "algorithm": members.distributor.algorithm,
        "panicking": members.panicking,
        "endpoints": [_endpoint(node, members) for node in members.nodes.values()],
    }


def _endpoint(node: Node, members: Members) -> dict[str, object]:
    shown: dict[str, object] = {
        "address": str(node.endpoint),
        "status": node.said.name.lower(),
        "load": node.load,
        "weight": node.endpoint.weight,
        "used": node.service is not None,
    }
    if node.said is not Status.OPEN:
        shown["reasons"] = {writer: status.name.lower() for writer, status in node.health.reasons.items()}
    if members.is_on_probation(node):
        shown["probation"] = True
    if node.endpoint.meta:
        shown["meta"] = dict(node.endpoint.meta)
    return shown | node.facts()
