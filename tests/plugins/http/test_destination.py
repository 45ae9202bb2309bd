"""What the endpoint is told of where it stands."""

import pytest
import trio

from mesh import (
    EMPTY_PATH,
    AddrNeg,
    BoundName,
    DeadlineExceeded,
    Expiry,
    HttpReply,
    HttpRequest,
    Path,
    TotalTimeout,
    Var,
)
from mesh_plugins.http.deadline import CTX_DEADLINE, Teller
from mesh_plugins.http.destination import Destination


async def _headers(
    residual: Path, sent: list[tuple[bytes, bytes]], *, expiry: Expiry | None = None, tells: bool = True
) -> list[tuple[bytes, bytes]]:
    request = HttpRequest(b"GET", b"/", sent)
    request.context.path = Path.read("/svc/web")
    request.context.bound = BoundName(Path.read("/#/io.l5d.fs/web"), residual, Var(AddrNeg()))

    request.context.expiry = expiry
    pass_on = Teller(trio.lowlevel.current_clock().current_time) if tells else None

    async def service(_request: HttpRequest, /) -> HttpReply:
        return HttpReply(200)

    await Destination(Path.read("/#/io.l5d.fs/web"), pass_on)(request, service)
    return request.headers


async def test_both_names_are_written() -> None:
    headers = await _headers(EMPTY_PATH, [(b"host", b"web")])

    assert headers == [
        (b"host", b"web"),
        (b"l5d-dst-service", b"/svc/web"),
        (b"l5d-dst-client", b"/#/io.l5d.fs/web"),
    ]


async def test_a_residual_is_written_if_there_is_one() -> None:
    headers = await _headers(Path.read("/a/b"), [])

    assert headers[-1] == (b"l5d-dst-residual", b"/a/b")


async def test_what_a_client_or_an_earlier_attempt_wrote_is_replaced() -> None:
    forged = [(b"l5d-dst-service", b"/x"), (b"l5d-dst-residual", b"/y"), (b"l5d-dst-client", b"/z")]

    headers = await _headers(EMPTY_PATH, forged)

    assert headers == [(b"l5d-dst-service", b"/svc/web"), (b"l5d-dst-client", b"/#/io.l5d.fs/web")]


@pytest.mark.parametrize(("tells", "told"), [(True, 1), (False, 0)])
async def test_the_next_hop_is_told_of_a_timeout_unless_the_attempts_own_will_tell(tells: bool, told: int) -> None:
    expiry = Expiry(trio.current_time() + 5.0, TotalTimeout, "late")

    headers = await _headers(EMPTY_PATH, [(CTX_DEADLINE, b"1 2")], expiry=expiry, tells=tells)

    assert (CTX_DEADLINE, b"1 2") not in headers
    assert sum(name == CTX_DEADLINE for name, _value in headers) == told


@pytest.mark.parametrize("is_bound", [True, False])
async def test_what_the_request_says_of_its_deadline_is_left_alone_where_no_timeout_is_sooner(is_bound: bool) -> None:
    deadline = Expiry(trio.current_time() + 5.0, DeadlineExceeded, "late", stays=True)

    headers = await _headers(EMPTY_PATH, [(CTX_DEADLINE, b"1 2")], expiry=deadline if is_bound else None)

    assert headers[0] == (CTX_DEADLINE, b"1 2")
