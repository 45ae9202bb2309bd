"""Addresses of hosts: literals, names that are asked for while they are watched, failures that keep the last answer."""

import itertools
import socket
from collections.abc import Sequence

import pytest
import trio
import trio.testing

from mesh import PENDING, Addr, AddrBound, AddrFailed, AddrNeg, AddrPending, Computed, Endpoint, Failed, Life
from mesh_plugins.namers.hosts import Hosts, HostState, Ips, NoSuchHost, SystemResolver, is_name, literal, resolved

Clock = trio.testing.MockClock


class Resolver:
    """Answers what a test says, and notes when it was asked."""

    def __init__(self, answer: Sequence[str] | Exception = ()) -> None:
        self.answer = answer
        self.asked: list[tuple[str, float]] = []
        self.seconds = 0.0

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append((host, trio.current_time()))
        await trio.sleep(self.seconds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def is_known(state: HostState) -> bool:
    return state != PENDING


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("10.0.0.1", "10.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("8080", "0.0.31.144"),
        ("::1", "::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("10.0.0.1%eth0", None),
        ("010.0.0.1", None),
        ("10.0.0.256", None),
        ("0x7f.1", None),
        ("9" * 5000, None),
        ("example.test", None),
        ("1.2.3.4.5", None),
        ("a:b", None),
        ("a\0b", None),
    ],
)
def test_an_address_is_told_from_a_name(host: str, expected: str | None) -> None:
    assert literal(host) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("example.test", True),
        ("example.test.", True),
        ("a_b-c.test", True),
        ("x" * 63, True),
        ("x" * 64, False),
        (".".join(["x" * 63] * 4), False),
        ("a..b", False),
        (".", False),
        ("a b", False),
        ("a/b", False),
        ("é.test", False),
        ("a\n", False),
        ("1.test", True),
        ("test.1x", True),
        ("010.0.0.1", False),
        ("10.0.0.300", False),
        ("test.0x7f", False),
        ("test.1.", False),
    ],
)
def test_a_name_has_labels_of_letters_digits_and_hyphens(host: str, expected: bool) -> None:
    assert is_name(host) is expected


async def test_an_address_is_known_at_once_and_nobody_is_asked(life: Life) -> None:
    resolver = Resolver()

    addr = Hosts(life, resolver).addr("10.0.0.1", 80)

    assert addr.value == AddrBound((Endpoint("10.0.0.1", 80),))
    assert resolver.asked == []


async def test_what_cannot_be_a_name_is_negative_and_nobody_is_asked(life: Life) -> None:
    resolver = Resolver(["10.0.0.1"])

    addr = Hosts(life, resolver).addr("a..b", 80)

    assert addr.value == AddrNeg()
    assert resolver.asked == []


@pytest.mark.parametrize("port", [65_536, -1])
async def test_a_port_out_of_range_is_failed(life: Life, port: int) -> None:
    assert Hosts(life, Resolver()).addr("10.0.0.1", port).value == AddrFailed(f"port out of range:{port}")


async def test_a_name_is_asked_for_every_five_seconds_while_it_is_watched(life: Life, autojump_clock: Clock) -> None:
    resolver = Resolver(["10.0.0.1"])
    addr = Hosts(life, resolver).addr("Web.test", 80)
    unwatch = addr.watch(lambda: None)

    before = addr.value
    await trio.sleep(11)
    after = addr.value
    unwatch()
    await trio.sleep(11)

    assert (before, after) == (AddrPending(), AddrBound((Endpoint("10.0.0.1", 80),)))
    assert resolver.asked == [("web.test", 0.0), ("web.test", 5.0), ("web.test", 10.0)]


async def test_all_who_watch_a_name_share_the_questions(life: Life, autojump_clock: Clock) -> None:
    resolver = Resolver(["10.0.0.1"])
    hosts = Hosts(life, resolver)
    addrs = [hosts.addr("web.test", 80), hosts.addr("web.test", 80), hosts.addr("web.test", 81)]
    for addr in addrs:
        addr.watch(lambda: None)

    await trio.sleep(1)

    assert addrs[0] is addrs[1]
    assert [addr.value for addr in addrs] == [AddrBound((Endpoint("10.0.0.1", port),)) for port in (80, 80, 81)]
    assert len(resolver.asked) == 1


async def test_what_was_known_is_known_when_the_name_is_watched_again(life: Life, autojump_clock: Clock) -> None:
    resolver = Resolver(["10.0.0.1"])
    host = Hosts(life, resolver).lookup("web.test")
    unwatch = host.watch(lambda: None)
    await trio.sleep(1)
    unwatch()
    resolver.answer = ["10.0.0.2"]

    host.watch(lambda: None)
    first = host.value
    await trio.sleep(1)

    assert (first, host.value) == (Ips(("10.0.0.1",)), Ips(("10.0.0.2",)))


async def test_a_fixed_name_is_asked_for_until_it_is_known_and_then_no_more(life: Life, autojump_clock: Clock) -> None:
    resolver = Resolver(NoSuchHost())
    host = Hosts(life, resolver).lookup("web.test", once=True)
    unwatch = host.watch(lambda: None)

    await trio.sleep(6)
    resolver.answer = ["10.0.0.1"]
    await trio.sleep(100)
    unwatch()
    host.watch(lambda: None)
    await trio.sleep(100)

    assert host.value == Ips(("10.0.0.1",))
    assert [when for _host, when in resolver.asked] == [0.0, 5.0, 10.0]


async def test_addresses_that_stay_keep_their_order(life: Life, autojump_clock: Clock) -> None:
    resolver = Resolver(["10.0.0.1", "10.0.0.2", "10.0.0.1"])
    host = Hosts(life, resolver).lookup("web.test")
    told: list[HostState] = []
    host.watch(lambda: told.append(host.value))

    await trio.sleep(1)
    resolver.answer = ["10.0.0.2", "10.0.0.1"]
    await trio.sleep(5)
    resolver.answer = ["10.0.0.3", "10.0.0.2"]
    await trio.sleep(5)

    assert told == [Ips(("10.0.0.1", "10.0.0.2")), Ips(("10.0.0.2", "10.0.0.3"))]


async def test_a_name_that_does_not_exist_is_negative_even_if_it_did(life: Life, autojump_clock: Clock) -> None:
    resolver = Resolver(["10.0.0.1"])
    addr = Hosts(life, resolver).addr("web.test", 80)
    addr.watch(lambda: None)
    await trio.sleep(1)

    resolver.answer = NoSuchHost("web.test")
    await trio.sleep(5)

    assert addr.value == AddrNeg()


async def test_a_failure_keeps_the_last_addresses_and_says_that_they_are_stale(
    life: Life, autojump_clock: Clock
) -> None:
    resolver = Resolver(["10.0.0.1"])
    addr = Hosts(life, resolver).addr("web.test", 80)
    addr.watch(lambda: None)
    await trio.sleep(1)
    bound = (Endpoint("10.0.0.1", 80),)

    resolver.answer = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    await trio.sleep(5)
    stale = addr.value
    resolver.answer = ["10.0.0.1"]
    await trio.sleep(5)

    assert stale == AddrBound(bound, stale="web.test: Temporary failure in name resolution")
    assert addr.value == AddrBound(bound)


async def test_a_first_failure_is_a_failure_and_is_tried_again_with_growing_pauses(
    life: Life, autojump_clock: Clock
) -> None:
    resolver = Resolver(socket.gaierror(socket.EAI_AGAIN, "try again"))
    host = Hosts(life, resolver).lookup("web.test")
    host.watch(lambda: None)

    await trio.sleep(0.1)
    state = host.value
    await trio.sleep(100)

    assert state == Failed("web.test: try again")
    times = [when for _host, when in resolver.asked]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    limits = [1.0, 2.0, 4.0, 8.0, 16.0, 30.0]
    assert all(limit / 2 <= pause <= limit for pause, limit in zip(pauses, limits, strict=False))
    assert len(pauses) >= 5


async def test_a_resolver_that_does_not_answer_is_a_failure(life: Life, autojump_clock: Clock) -> None:
    resolver = Resolver(["10.0.0.1"])
    resolver.seconds = 60
    host = Hosts(life, resolver).lookup("web.test")

    state = await host.wait(is_known)

    assert (state, trio.current_time()) == (Failed("web.test: the resolver did not answer within 10 s"), 10.0)


async def test_a_life_that_cannot_start_tasks_fails_what_is_not_known() -> None:
    addr = Hosts(Life(None)).addr("web.test", 80)

    addr.watch(lambda: None)

    assert addr.value == AddrFailed("dns web.test: this life cannot start tasks")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (
            {"a.test": ["10.0.0.1"], "b.test": ["10.0.0.2", "10.0.0.3"]},
            ["10.0.0.9", "10.0.0.1", "10.0.0.2", "10.0.0.3"],
        ),
        ({"a.test": NoSuchHost(), "b.test": OSError("down")}, ["10.0.0.9"]),
        ({"a.test": ["10.0.0.9"]}, ["10.0.0.9"]),
    ],
)
async def test_names_in_a_list_are_replaced_by_their_addresses(
    life: Life, autojump_clock: Clock, answers: dict[str, Sequence[str] | Exception], expected: list[str]
) -> None:
    addr = listed(life, answers, "10.0.0.9", "a.test", "b.test")
    addr.watch(lambda: None)

    await trio.sleep(0.5)

    assert addr.value == AddrBound(tuple(Endpoint(host, 80) for host in expected))


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"a.test": NoSuchHost()}, AddrPending()),
        ({"a.test": NoSuchHost(), "b.test": NoSuchHost()}, AddrNeg()),
        ({"a.test": NoSuchHost(), "b.test": OSError("down")}, AddrFailed("b.test: down")),
    ],
)
async def test_a_list_of_names_without_any_address_is_what_its_names_are(
    life: Life, autojump_clock: Clock, answers: dict[str, Sequence[str] | Exception], expected: Addr
) -> None:
    addr = listed(life, answers, "a.test", "b.test")
    addr.watch(lambda: None)

    await trio.sleep(0.5)

    assert addr.value == expected


def listed(life: Life, answers: dict[str, Sequence[str] | Exception], *hosts: str) -> Computed[Addr]:
    async def resolve(host: str) -> Sequence[str]:
        if host not in answers:
            await trio.sleep(5)
        answer = answers[host]
        if isinstance(answer, Exception):
            raise answer
        return answer

    known = Hosts(life, resolve)
    endpoints = [Endpoint(host, 80) for host in hosts]
    names = [host for host in hosts if host.endswith(".test")]
    return Computed(lambda read: resolved(endpoints, names, known, read))


@pytest.mark.slow
async def test_the_systems_resolver_knows_this_machine() -> None:
    with trio.fail_after(20):
        found = await SystemResolver()("localhost")

    assert {"127.0.0.1", "::1"} & set(found)
