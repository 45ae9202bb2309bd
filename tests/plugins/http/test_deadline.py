"""Deadlines that requests bring, and what the next hop is told."""

import time
from collections.abc import Callable

import pytest
import trio
import trio.testing

from mesh import (
    METRICS,
    SERVER_LABEL,
    Counter,
    DeadlineExceeded,
    Expiry,
    HttpRequest,
    Metrics,
    Params,
    Request,
    TotalTimeout,
    field,
)
from mesh.testing import ManualClock, request
from mesh_plugins.http.deadline import CTX_DEADLINE, DEADLINE, DeadlineReader, Teller, pass_on, strictest
from mesh_plugins.http.request_fields import REQUEST_FIELDS
from tests.plugins.rest import Rest, numbers

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


def reader(rejected: Counter | None = None, clock: Callable[[], float] | None = None) -> DeadlineReader:
    """Return a reader for whom it is `NOW`."""
    transit = Metrics().histogram("transit_latency_ms")
    return DeadlineReader(rejected or Counter(), transit, clock or ManualClock(100.0), lambda: NOW)


def due(seconds: float, *, set_seconds_ago: float = 1.0) -> str:
    """Return the field of a deadline that is so far away."""
    return f"{NOW - int(set_seconds_ago * SECOND)} {NOW + int(seconds * SECOND)}"


def with_deadlines(*values: str) -> HttpRequest:
    return request(headers=[("host", "web"), *(("l5d-ctx-deadline", value) for value in values)])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([b"1 2"], (1, 2)),
        ([b"1 10", b"2 8"], (2, 8)),
        ([b"5 20", b"1 10", b"junk"], (5, 10)),
        ([b"", b"1", b"1  2", b"-1 2", b"1 2 3", b"1,2", b"1 99999999999999999999", "1 ٣".encode()], None),
    ],
)
def test_of_several_deadlines_the_strictest_counts(values: list[bytes], expected: tuple[int, int] | None) -> None:
    assert strictest(values) == expected


def test_a_request_carries_its_deadline_to_the_last_byte() -> None:
    asked = with_deadlines(due(2.5))

    reader()(asked)

    expiry = asked.context.expiry
    assert expiry is not None
    assert (expiry.at, expiry.beyond) == (102.5, expiry)
    assert isinstance(expiry.error(), DeadlineExceeded)
    assert field(asked.headers, CTX_DEADLINE) == due(2.5).encode()


def test_several_fields_become_one() -> None:
    asked = with_deadlines(due(2.5, set_seconds_ago=1.0), due(9.0, set_seconds_ago=0.5))

    reader()(asked)

    assert [value for name, value in asked.headers if name == CTX_DEADLINE] == [due(2.5, set_seconds_ago=0.5).encode()]


def test_a_deadline_that_is_later_than_what_holds_already_changes_nothing() -> None:
    asked = with_deadlines(due(2.5))
    sooner = asked.context.expiry = Expiry(101.0, TotalTimeout, "total")

    reader()(asked)

    assert asked.context.expiry is sooner


def test_what_comes_too_late_is_refused_and_counted() -> None:
    rejected = Counter()

    with pytest.raises(DeadlineExceeded, match=r"had passed 0\.250 s before it arrived, so nothing was done"):
        reader(rejected)(with_deadlines(due(-0.25)))

    assert rejected.value == 1


def test_a_deadline_of_now_has_not_passed() -> None:
    asked = with_deadlines(due(0.0))

    reader()(asked)

    assert asked.context.expiry is not None


def test_a_senders_clock_that_is_ahead_makes_no_deadline_longer() -> None:
    asked = with_deadlines(due(5.0, set_seconds_ago=-4.0))

    reader()(asked)

    assert asked.context.expiry is not None
    assert asked.context.expiry.at == 101.0


def test_a_deadline_that_cannot_be_read_is_passed_on_and_not_looked_at() -> None:
    asked = with_deadlines("soon")

    reader()(asked)

    assert (asked.context.expiry, field(asked.headers, CTX_DEADLINE)) == (None, b"soon")


async def test_the_next_hop_is_told_what_is_left(autojump_clock: trio.testing.MockClock) -> None:
    asked = with_deadlines(due(5.0), due(6.0))

    pass_on(asked, trio.current_time() + 1.5, lambda: NOW)

    assert asked.headers == [(b"host", b"web"), (CTX_DEADLINE, b"%d %d" % (NOW, NOW + 1_500_000_000))]


async def test_each_attempt_tells_anew_whoever_repeats_it(autojump_clock: trio.testing.MockClock) -> None:
    asked, now = with_deadlines(), trio.current_time()
    tell = Teller(trio.lowlevel.current_clock().current_time, lambda: NOW)

    tell(asked, now + 1.5)
    asked.headers.append((b"x-more", b"1"))
    tell(asked, now + 2.5)

    assert asked.headers == [
        (b"host", b"web"),
        (CTX_DEADLINE, b"%d %d" % (NOW, NOW + 2_500_000_000)),
        (b"x-more", b"1"),
    ]


@pytest.mark.parametrize("tell", [pass_on, Teller(ManualClock(0.0))])
async def test_what_is_no_http_is_told_nothing(tell: Callable[[Request, float], None]) -> None:
    asked = Request()

    tell(asked, 1.0)

    assert (asked.context.expiry, asked.context.told) == (None, False)


async def test_the_deadline_is_read_in_the_pass_over_the_fields_and_refused_before_anything_is_done() -> None:
    metrics, rest = Metrics(), Rest()
    params = Params().put(METRICS, metrics).put(SERVER_LABEL, "127.0.0.1/4140")
    service = DEADLINE.wrap(params, lambda below: REQUEST_FIELDS.wrap(below, rest))
    now = time.time_ns()
    early, late = with_deadlines(f"{now} {now + 60 * SECOND}"), with_deadlines(f"{now} {now - SECOND}")

    await service(early)
    with pytest.raises(DeadlineExceeded):
        await service(late)

    assert [asked for _params, asked in rest.requests] == [early]
    assert early.context.expiry is not None
    shown = numbers(metrics, "server/127.0.0.1/4140")
    assert (shown["admission_control/deadline/rejected"], shown["transit_latency_ms.count"]) == (1, 2)


async def test_without_the_role_no_deadline_is_read() -> None:
    rest = Rest()
    late = with_deadlines("1 2")

    await REQUEST_FIELDS.wrap(Params(), rest)(late)

    assert late.context.expiry is None
