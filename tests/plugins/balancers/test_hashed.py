"""What hashing balancers have in common, tried with each of them."""

from collections.abc import Callable
from random import Random

import pytest

from mesh import HttpRequest, Metrics, Status
from mesh.testing import request
from mesh_plugins.balancers.maglev import MaglevConfig, maglev
from mesh_plugins.balancers.members import Members
from mesh_plugins.balancers.node import NewDistributor
from mesh_plugins.balancers.ring_hash import RingHashConfig, ring_hash
from tests.plugins.balancers.rules import endpoint, nodes_of, pick, ruled
from tests.plugins.rest import numbers

New = Callable[..., NewDistributor]


def new_ring(factor: int | None = None, effort: int = 100) -> NewDistributor:
    config = RingHashConfig(http_header_name="x-user", hash_balance_factor=factor, max_effort=effort)
    return ring_hash(config, Random(7))


def new_maglev(factor: int | None = None, effort: int = 100) -> NewDistributor:
    config = MaglevConfig(http_header_name="x-user", hash_balance_factor=factor, max_effort=effort)
    return maglev(config, Random(7))


both = pytest.mark.parametrize("new", [new_ring, new_maglev])


def of(user: object) -> HttpRequest:
    return request(headers={"x-user": str(user)})


def homes(members: Members, users: int = 1000) -> dict[int, str]:
    """Return the address that each user's requests go to."""
    return {user: str(pick(members, of(user)).endpoint) for user in range(users)}


def home(members: Members, user: int) -> int:
    return nodes_of(members).index(pick(members, of(user)))


@both
def test_like_requests_go_to_the_same_endpoint(new: New) -> None:
    members = ruled(new(), *[1] * 10)

    assert homes(members) == homes(members)


@both
def test_every_process_that_knows_the_same_endpoints_sends_a_request_to_the_same_one(new: New) -> None:
    one, other = Members(new()()), Members(new()())

    one.update([endpoint(number) for number in range(10)])
    other.update([endpoint(11), endpoint(3)])
    other.update([endpoint(number) for number in reversed(range(10))])

    assert homes(one) == homes(other)


@both
def test_where_an_endpoint_goes_only_its_requests_move(new: New) -> None:
    members = ruled(new(), *[1] * 10)
    before = homes(members)

    members.update([endpoint(number) for number in range(9)])
    after = homes(members)

    moved = [user for user in before if before[user] != after[user]]
    lost = [user for user in before if before[user] == str(endpoint(9))]
    assert set(lost) <= set(moved)
    assert len(moved) - len(lost) <= 30  # of 1000: none on a ring, a few in a table


@both
def test_where_an_endpoint_comes_requests_move_to_it(new: New) -> None:
    members = ruled(new(), *[1] * 10)
    before = homes(members)

    members.update([endpoint(number) for number in range(11)])
    after = homes(members)

    elsewhere = [user for user in before if before[user] != after[user] != str(endpoint(10))]
    assert list(after.values()).count(str(endpoint(10))) == pytest.approx(90, abs=35)
    assert len(elsewhere) <= 30


@both
def test_endpoints_get_requests_by_weight(new: New) -> None:
    members = ruled(new(), 1, 1, 2, 0)

    found = list(homes(members, 4000).values())

    counts = [found.count(str(endpoint(number))) for number in range(4)]
    assert counts == pytest.approx([1000, 1000, 2000, 0], rel=0.2)


@both
def test_where_no_endpoint_has_a_weight_all_are_used(new: New) -> None:
    members = ruled(new(), 0, 0)

    assert len(set(homes(members).values())) == 2


@both
def test_requests_of_an_endpoint_that_is_not_open_go_to_the_next_and_come_back(new: New) -> None:
    members = ruled(new(), *[1] * 5)
    before = homes(members)
    health = members.nodes[endpoint(2)].health

    health.say("test", Status.BUSY)
    during = homes(members)
    health.say("test", Status.OPEN)

    assert str(endpoint(2)) not in during.values()
    assert all(during[user] == before[user] for user in before if before[user] != str(endpoint(2)))
    assert len({during[user] for user in before if before[user] == str(endpoint(2))}) == 4
    assert homes(members) == before


@both
def test_where_none_is_open_each_request_goes_home(new: New) -> None:
    members = ruled(new(), *[1] * 5)
    before = homes(members)

    for node in nodes_of(members):
        node.health.say("test", Status.CLOSED)

    assert homes(members) == before


@both
def test_a_request_that_comes_again_goes_to_the_next_that_it_has_not_been_to(new: New) -> None:
    members = ruled(new(), *[1] * 5)
    asked, order = of(1), list[str]()

    for _number in range(5):
        node = pick(members, asked)
        order.append(str(node.endpoint))
        asked.context.tried = (*asked.context.tried, node.endpoint)

    assert len(set(order)) == 5
    assert str(pick(members, asked).endpoint) == order[0]


@both
def test_a_request_without_a_value_goes_to_the_less_loaded_of_two(new: New) -> None:
    members = ruled(new(), 1, 1)
    nodes_of(members)[0].load = 1

    assert {pick(members, request()) for _number in range(50)} == {nodes_of(members)[1]}


@both
def test_with_a_bound_a_popular_endpoint_is_passed_over(new: New) -> None:
    members = ruled(new(factor=150), *[1] * 4)

    for _number in range(100):
        pick(members, of("popular")).acquire()

    loads = [node.load for node in nodes_of(members)]
    assert max(loads) <= 1.5 * 100 / 4 + 1
    assert sum(loads) == 100


@both
def test_when_the_load_has_gone_requests_go_home_again(new: New) -> None:
    members = ruled(new(factor=150), *[1] * 4)
    before = homes(members)
    ends = [pick(members, of("popular")).acquire() for _number in range(100)]

    for end in ends:
        end()

    assert homes(members) == before


@both
def test_only_so_many_endpoints_are_looked_at(new: New) -> None:
    members = ruled(new(effort=1), *[1] * 4)
    user = next(user for user in range(100) if home(members, user) == 2)

    nodes_of(members)[2].health.say("test", Status.BUSY)

    assert home(members, user) == 2


@both
def test_how_many_requests_did_not_go_where_their_hash_said_is_shown(new: New) -> None:
    members, metrics = ruled(new(), *[1] * 4), Metrics()
    members.distributor.show(metrics)
    own = list(homes(members, 400).values()).count(str(endpoint(0)))
    nodes_of(members)[0].health.say("test", Status.BUSY)

    homes(members, 400)
    pick(members, request())

    shown = numbers(metrics)
    assert (shown["hash/diverted"], shown["hash/unkeyed"]) == (own, 1)
    assert shown["hash/entries"] > 400


@both
def test_a_set_that_was_empty_for_a_while_is_the_same_as_before(new: New) -> None:
    members = ruled(new(), *[1] * 5)
    before = homes(members, 100)

    members.update([])
    members.update([endpoint(number) for number in range(5)])

    assert homes(members, 100) == before
