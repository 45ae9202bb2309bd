"""The last requests, as the admin page shows them."""

import json
from random import Random
from typing import Any

import pytest

from mesh import AddrPending, BoundName, Endpoint, Fixed, Metrics, Path, Span, SpanKind
from mesh_plugins.telemeters.recent_requests import RecentRequests, RecentRequestsConfig


def telemeter(sample_rate: float = 1.0, capacity: int = 10) -> RecentRequests:
    return RecentRequests(RecentRequestsConfig(sample_rate, capacity), Random(7))


def a_span(target: bytes = b"/", kind: SpanKind = SpanKind.SERVER, **more: Any) -> Span:
    return Span(kind, None, 1_700_000_000.25, 0.0125, "out", "10.0.0.9:1", "127.0.0.1/4140", target=target, **more)


def take(taker: RecentRequests, *spans: Span) -> None:
    sink = taker.span_sink()
    assert sink is not None
    for span in spans:
        sink(span)


def shown(taker: RecentRequests) -> list[dict[str, Any]]:
    (page,) = taker.pages()
    found: list[dict[str, Any]] = json.loads(page.render(Metrics(), {}))
    return found


def test_a_request_is_shown_with_where_it_came_from_and_went() -> None:
    taker = telemeter()
    bound = BoundName(Path.read("/#/fs/web"), Path(), Fixed(AddrPending()))

    take(
        taker,
        a_span(path=Path.read("/svc/web"), bound=bound, endpoint=Endpoint("10.0.0.1", 80), status=200, is_success=True),
    )

    assert shown(taker) == [
        {
            "timestamp": 1_700_000_000_250,
            "source": "10.0.0.9:1",
            "server": "127.0.0.1/4140",
            "router": "out",
            "logicalName": "/svc/web",
            "concreteName": "/#/fs/web",
            "destination": "10.0.0.1:80",
            "durationMs": 12.5,
            "method": "",
            "status": 200,
            "attempts": 1,
            "outcome": "success",
        }
    ]


def test_what_a_request_did_not_get_to_is_empty() -> None:
    taker = telemeter()

    take(taker, a_span(flags="NR no_route", is_success=False))

    (request,) = shown(taker)
    assert [request[name] for name in ("logicalName", "concreteName", "destination", "outcome")] == [
        "",
        "",
        "",
        "NR no_route",
    ]


def test_the_last_ones_are_kept_the_newest_first() -> None:
    taker = telemeter(capacity=2)

    take(taker, *(a_span(status=status) for status in (200, 201, 202)))

    assert [request["status"] for request in shown(taker)] == [202, 201]


def test_attempts_are_no_requests() -> None:
    taker = telemeter()

    take(taker, a_span(kind=SpanKind.CLIENT))

    assert shown(taker) == []


@pytest.mark.parametrize(("rate", "least", "most"), [(0.0, 0, 0), (0.5, 400, 600), (1.0, 1000, 1000)])
def test_such_a_share_is_looked_at(rate: float, least: int, most: int) -> None:
    taker = telemeter(rate, 1000)

    take(taker, *(a_span() for _ in range(1000)))

    assert least <= len(shown(taker)) <= most


def test_each_worker_shows_its_own() -> None:
    (page,) = telemeter().pages()

    assert not page.is_summed
