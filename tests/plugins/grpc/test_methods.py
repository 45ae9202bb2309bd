"""Calls counted by method and status."""

import pytest
import trio

from mesh import METRICS, AnyService, HttpReply, HttpRequest, Metrics, Params, Reply
from mesh.testing import Trickle, reply, request
from mesh_plugins.grpc.methods import GrpcStatsConfig, grpc_stats
from mesh_plugins.http.gathered import Trailed
from tests.plugins.rest import Rest, hanging, numbers

GRPC = {"content-type": "application/grpc"}


def call(target: str = "/a.B/C", **more: str) -> HttpRequest:
    return request("POST", target, headers={**GRPC, **more})


def ended(status: int) -> HttpReply:
    return reply(200, Trailed(b"", [(b"grpc-status", b"%d" % status)]), headers=GRPC)


class Bench:
    """The filter of one server."""

    def __init__(self, max_labelled: int = 1000) -> None:
        self.metrics = Metrics(max_labelled=max_labelled)
        self.rest = Rest()
        self.service: AnyService = grpc_stats(GrpcStatsConfig()).wrap(Params().put(METRICS, self.metrics), self.rest)

    async def send(self, asked: HttpRequest, answer: Reply) -> Reply:
        self.rest.answer = lambda _request: answer
        answered: Reply = await self.service(asked)
        return answered

    @property
    def counts(self) -> dict[str, float]:
        return {
            name: number for name, number in numbers(self.metrics, "grpc").items() if "." not in name.split("/")[-1]
        }


async def test_calls_are_counted_by_their_method_and_their_status() -> None:
    bench = Bench()
    for status in (0, 0, 14):
        await bench.send(call(), ended(status))
    await bench.send(call("/a.B/D"), reply(200, headers={**GRPC, "grpc-status": "5"}))

    assert bench.counts == {
        "a.B/C/requests": 3,
        "a.B/C/status/OK": 2,
        "a.B/C/status/UNAVAILABLE": 1,
        "a.B/D/requests": 1,
        "a.B/D/status/NOT_FOUND": 1,
    }
    assert numbers(bench.metrics)["grpc/a.B/C/duration_ms.count"] == 3


async def test_a_stream_counts_when_it_has_ended() -> None:
    bench = Bench()
    answered = await bench.send(call(), reply(200, Trickle(b"a", trailers={"grpc-status": "13"}), headers=GRPC))
    before = bench.counts
    while await answered.body.receive():
        pass
    await answered.aclose()

    assert (before, bench.counts) == ({}, {"a.B/C/requests": 1, "a.B/C/status/INTERNAL": 1})


async def test_a_call_that_its_client_gave_up_is_cancelled() -> None:
    bench = Bench()
    await bench.send(call(), ended(0))
    answered = await bench.send(call(), reply(200, Trickle(b"a"), headers=GRPC))
    await answered.aclose()
    bench.rest.answer = hanging
    with trio.move_on_after(0):
        await bench.service(call())

    assert bench.counts["a.B/C/status/CANCELLED"] == 2


async def test_a_status_that_nobody_was_there_to_read_is_cancelled() -> None:
    bench, asked = Bench(), call()
    asked.context.flags = "DC client_gone"

    await bench.send(asked, reply(499, headers=GRPC))

    assert bench.counts == {"a.B/C/requests": 1, "a.B/C/status/CANCELLED": 1}


@pytest.mark.parametrize(
    "answer",
    [ended(12), reply(200, headers={**GRPC, "grpc-status": "14", "l5d-err": "nowhere"})],
    ids=["unimplemented", "unroutable"],
)
async def test_methods_that_nobody_has_are_counted_together(answer: HttpReply) -> None:
    bench = Bench()
    await bench.send(call("/in.Vented/1"), answer)

    assert (bench.counts["other/requests"], len(bench.counts)) == (1, 2)


async def test_a_method_that_is_known_counts_its_own_errors() -> None:
    bench = Bench()
    await bench.send(call(), ended(0))
    await bench.send(call(), reply(200, headers={**GRPC, "grpc-status": "14", "l5d-err": "nowhere"}))

    assert bench.counts == {"a.B/C/requests": 2, "a.B/C/status/OK": 1, "a.B/C/status/UNAVAILABLE": 1}


async def test_there_are_only_so_many() -> None:
    bench = Bench(max_labelled=2)
    for number in range(5):
        await bench.send(call(f"/a.B/{number}"), ended(0))

    assert {name: number for name, number in bench.counts.items() if name.endswith("requests")} == {
        "a.B/0/requests": 1,
        "a.B/1/requests": 1,
        "other/requests": 3,
    }


async def test_what_is_no_call_is_not_counted() -> None:
    bench = Bench()
    await bench.send(request("GET", headers=GRPC), ended(0))
    await bench.send(request("POST"), ended(0))

    assert bench.counts == {}
