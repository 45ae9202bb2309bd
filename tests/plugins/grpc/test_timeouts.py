"""The time a call has: read, enforced, and passed on shortened."""

import pytest
import trio
from trio.testing import MockClock

from mesh import (
    LIFE,
    METRICS,
    SERVER_LABEL,
    BadRequestContext,
    DeadlineExceeded,
    Expiry,
    HttpRequest,
    Life,
    Metrics,
    Module,
    Params,
    TotalTimeout,
    field,
)
from mesh.testing import request
from mesh_plugins.grpc.content import CARRIES_GRPC
from mesh_plugins.grpc.timeouts import GRPC_TIMEOUT_READ, GRPC_TIMEOUT_WRITTEN, read_timeout, write_timeout
from mesh_plugins.http.context import READERS
from tests.plugins.rest import Rest, numbers


def call(*timeouts: str, content_type: str = "application/grpc") -> HttpRequest:
    return request("POST", headers=[("content-type", content_type), *[("grpc-timeout", value) for value in timeouts]])


class Bench:
    """The reader of one server."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.rest = Rest()
        params = (
            Params().put(LIFE, Life(None)).put(METRICS, self.metrics).put(SERVER_LABEL, "a").put(CARRIES_GRPC, True)
        )
        GRPC_TIMEOUT_READ.wrap(params, self.rest)

    def read(self, asked: HttpRequest) -> HttpRequest:
        ((names, read),) = self.rest.built[0][READERS]
        assert names == {b"grpc-timeout"}
        read(asked)
        return asked


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"1H", 3600.0),
        (b"2M", 120.0),
        (b"3S", 3.0),
        (b"4m", 0.004),
        (b"5u", 0.000005),
        (b"6n", 0.000000006),
        (b"00000001S", 1.0),
        (b"99999999H", 359999996400.0),
    ],
)
def test_a_timeout_is_up_to_eight_digits_and_a_unit(value: bytes, seconds: float) -> None:
    assert read_timeout(value) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value",
    [b"", b"5", b"S", b"1.5S", b"1_0S", b"-1S", b"+1S", b"1 S", b" 1S", b"1s", b"1h", b"123456789S", b"1S\n", b"\xb2S"],
)
def test_nothing_else_is_one(value: bytes) -> None:
    assert read_timeout(value) is None


@pytest.mark.parametrize(
    ("seconds", "value"),
    [
        (0.0, b"1u"),
        (0.0000025, b"2u"),
        (99.9999999, b"99999999u"),
        (100.0, b"100000m"),
        (99999.9999, b"99999999m"),
        (100000.0, b"100000S"),
        (1e8, b"1666666M"),
        (6e9, b"1666666H"),
        (1e300, b"99999999H"),
    ],
)
def test_a_timeout_is_written_in_the_finest_unit_that_has_room(seconds: float, value: bytes) -> None:
    assert write_timeout(seconds) == value


async def test_a_call_gets_the_expiry_that_its_caller_says(autojump_clock: MockClock) -> None:
    asked = Bench().read(call("1500m"))

    expiry = asked.context.expiry
    assert expiry is not None
    assert (expiry.at, expiry.beyond is expiry, type(expiry.error())) == (1.5, True, DeadlineExceeded)


async def test_the_shortest_of_all_counts(autojump_clock: MockClock) -> None:
    asked = call("3S", "2S")
    asked.context.expiry = before = Expiry(2.5, TotalTimeout, "slow")
    sooner = Bench().read(asked).context.expiry

    later = call("9S")
    later.context.expiry = before

    assert sooner is not None
    assert (sooner.at, Bench().read(later).context.expiry is before) == (2.0, True)


@pytest.mark.parametrize("value", ["", "5", "1.5S", "1_0S"])
async def test_what_is_no_timeout_is_refused(value: str) -> None:
    with pytest.raises(BadRequestContext, match="grpc-timeout is no timeout"):
        Bench().read(call(value))


async def test_a_call_without_any_time_is_not_begun() -> None:
    bench = Bench()

    with pytest.raises(DeadlineExceeded):
        bench.read(call("0n"))

    assert numbers(bench.metrics)["server/a/admission_control/deadline/rejected"] == 1


async def test_a_huge_one_overflows_nothing() -> None:
    expiry = Bench().read(call("99999999H")).context.expiry

    assert expiry is not None
    with trio.move_on_at(expiry.at):
        await trio.lowlevel.checkpoint()


async def test_other_requests_may_say_what_they_like() -> None:
    assert Bench().read(call("soon", content_type="text/plain")).context.expiry is None


async def _sent(asked: HttpRequest, after: float = 0.0) -> bytes | None:
    """Return what an endpoint is told."""
    rest = Rest()
    service = GRPC_TIMEOUT_WRITTEN.wrap(Params().put(CARRIES_GRPC, True), rest)
    await trio.sleep(after)
    await service(asked)
    return field(rest.requests[0][1].headers, b"grpc-timeout")


async def test_the_endpoint_is_told_what_is_left(autojump_clock: MockClock) -> None:
    asked = Bench().read(call("3S"))

    assert await _sent(asked, after=1.0) == b"2000000u"
    assert await _sent(asked, after=1.5) == b"500000u"


async def test_it_is_told_of_the_timeouts_of_the_stack_file_too(autojump_clock: MockClock) -> None:
    asked = call()
    asked.context.expiry = Expiry(0.25, TotalTimeout, "slow")

    assert await _sent(asked) == b"250000u"


async def test_a_call_that_nothing_bounds_says_nothing() -> None:
    assert await _sent(call()) is None


async def test_nor_does_a_request_that_is_no_call(autojump_clock: MockClock) -> None:
    asked = request("POST")
    asked.context.expiry = Expiry(0.25, TotalTimeout, "slow")

    assert await _sent(asked) is None


@pytest.mark.parametrize("module", [GRPC_TIMEOUT_READ, GRPC_TIMEOUT_WRITTEN], ids=lambda module: module.role)
async def test_where_no_calls_come_through_nothing_is_added(module: Module) -> None:
    rest = Rest()

    assert module.wrap(Params(), rest) is rest.services[0]
    assert rest.built[0][READERS] == ()
