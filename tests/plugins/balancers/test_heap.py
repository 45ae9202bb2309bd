"""Least loaded."""

from collections.abc import Callable
from random import Random

from mesh import Status
from mesh_plugins.balancers.heap import HeapConfig, HeapNode, heap
from mesh_plugins.balancers.members import Members
from tests.plugins.balancers.rules import Low, acquire, endpoint, nodes_of, picked, ruled


def loads(members: Members) -> list[int]:
    return [node.load for node in nodes_of(members)]


def test_requests_are_spread_evenly() -> None:
    members = ruled(heap(HeapConfig(), Random(7)), *[1] * 7)

    for _number in range(700):
        acquire(members)

    assert loads(members) == [100] * 7


def test_the_least_loaded_of_all_is_picked_however_requests_come_and_go() -> None:
    source = Random(7)
    members = ruled(heap(HeapConfig(), source), *[1] * 50)
    ends: list[Callable[[], None]] = []

    for _number in range(2000):
        if ends and source.random() < 0.49:
            ends.pop(int(source.random() * len(ends)))()
        least = min(loads(members))
        number, end = acquire(members)
        ends.append(end)
        assert loads(members)[number] == least + 1


def test_an_endpoint_that_is_not_open_is_avoided_whatever_its_load() -> None:
    members = ruled(heap(HeapConfig(), Random(7)), 1, 1, 1)
    nodes_of(members)[1].health.say("test", Status.CLOSED)

    for _number in range(100):
        acquire(members)

    assert loads(members) == [50, 0, 50]


def test_an_endpoint_that_is_open_again_catches_up() -> None:
    members = ruled(heap(HeapConfig(), Random(7)), 1, 1)
    health = nodes_of(members)[1].health
    health.say("test", Status.BUSY)
    for _number in range(10):
        acquire(members)

    health.say("test", Status.OPEN)
    for _number in range(10):
        acquire(members)

    assert loads(members) == [10, 10]


def test_where_all_are_down_the_busy_ones_share_the_load() -> None:
    members = ruled(heap(HeapConfig(), Random(7)), 1, 1, 1)
    statuses = (Status.BUSY, Status.CLOSED, Status.BUSY)
    for node, status in zip(nodes_of(members), statuses, strict=True):
        node.health.say("test", status)

    for _number in range(10):
        acquire(members)

    assert loads(members) == [5, 0, 5]


def test_idle_endpoints_are_picked_alike_when_requests_come_one_by_one() -> None:
    members = ruled(heap(HeapConfig(), Random(7)), 1, 1, 1, 1)
    counts = [0] * 4

    for _number in range(4000):
        number, end = acquire(members)
        counts[number] += 1
        end()

    assert min(counts) > 800


def test_the_order_holds_when_the_last_of_the_heap_becomes_idle() -> None:
    members = ruled(heap(HeapConfig(), Low()), 1, 1)
    first, end_first = acquire(members)
    second, end_second = acquire(members)

    end_second()
    end_first()

    assert {first, second} == {0, 1}
    assert loads(members) == [0, 0]
    assert acquire(members)[0] in (0, 1)


def test_an_update_keeps_loads() -> None:
    members = ruled(heap(HeapConfig(), Random(7)), 1, 1)
    for _number in range(4):
        acquire(members)

    members.update([endpoint(0), endpoint(1), endpoint(2)])
    for _number in range(2):
        acquire(members)

    assert loads(members) == [2, 2, 2]


def test_a_request_that_outlives_its_endpoint_ends_without_harm() -> None:
    members = ruled(heap(HeapConfig(), Low()), 1, 1)
    number, end = acquire(members)
    gone = nodes_of(members)[number]

    members.update([endpoint(1 - number)])
    end()

    assert gone.load == 0
    assert picked(members, 10) == {0: 10}


def test_a_request_sinks_its_endpoint_by_as_many_steps_as_the_heap_is_high() -> None:
    members = ruled(heap(HeapConfig(), Random(7)), *[1] * 10_000)
    node = members.nodes[endpoint(0)]
    assert isinstance(node, HeapNode)

    acquire(members)

    assert node.index < 2**14
    assert members.pick is not None
    assert sum(one.load for one in nodes_of(members)) == 1


def test_a_request_that_outlives_its_weight_leaves_the_other_heap_in_order() -> None:
    members = ruled(heap(HeapConfig(), Low()), *[1] * 5, *[2] * 5)
    ends = [node.acquire() for node in nodes_of(members)[:4]]

    members.update([endpoint(number, 2.0) for number in range(4, 10)])
    for end in ends:
        end()
    for _number in range(60):
        acquire(members)

    assert loads(members) == [10] * 6
