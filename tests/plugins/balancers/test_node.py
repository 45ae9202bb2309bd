"""An endpoint inside a balancer."""

from mesh import Endpoint, Life
from mesh_plugins.balancers.node import Node


def new_node() -> Node:
    node = Node(Endpoint("10.0.0.1", 80))
    node.life = Life(None, "endpoint")
    return node


def is_closed(node: Node) -> bool:
    return node.life is not None and node.life.closed


def test_a_release_takes_a_request_off_the_load() -> None:
    node = new_node()
    node.load = 2

    node.release()

    assert node.load == 1


def test_an_endpoint_that_stays_is_not_closed_when_idle() -> None:
    node = new_node()
    node.load = 1

    node.release()

    assert not is_closed(node)


def test_an_endpoint_that_was_removed_closes_with_its_last_request() -> None:
    node = new_node()
    node.load = 2
    node.removed = True

    node.release()
    assert not is_closed(node)
    node.release()

    assert is_closed(node)


def test_an_endpoint_that_was_never_used_has_nothing_to_close() -> None:
    node = Node(Endpoint("10.0.0.1", 80))

    node.close()

    assert node.service is None
