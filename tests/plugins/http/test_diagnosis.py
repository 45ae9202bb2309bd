"""Requests that ask where they would go."""

import pytest

from mesh import (
    FAIL,
    AddrBound,
    Body,
    BoundName,
    Endpoint,
    Fields,
    Fixed,
    HttpReply,
    HttpRequest,
    Leaf,
    NameTree,
    Path,
    Union,
    Weighted,
    field,
)
from mesh.testing import FakeInterpreter, Trickle
from mesh_plugins.http.diagnosis import NOTICE, Diagnosis
from mesh_plugins.http.gathered import Gathered

PATH = Path.read("/svc/web")
WEB = BoundName(Path.read("/#/fs/web"), Path(()), Fixed(AddrBound((Endpoint("10.0.0.1", 80), Endpoint("::1", 81)))))
OTHER = BoundName(Path.read("/#/fs/other"), Path(()), Fixed(AddrBound(())))
ADD = (b"l5d-add-context", b"true")


def _forwards(text: bytes) -> tuple[bytes, bytes]:
    return (b"max-forwards", text)


async def _asked(
    headers: Fields,
    reply: HttpReply | None = None,
    *,
    method: bytes = b"TRACE",
    tree: NameTree[BoundName] | None = None,
) -> tuple[list[Fields], HttpReply]:
    """Ask, and return what was sent on and what was answered."""
    sent: list[Fields] = []
    interpreter = FakeInterpreter()
    interpreter.binding(PATH).set(Leaf(WEB) if tree is None else tree)

    async def service(request: HttpRequest, /) -> HttpReply:
        sent.append(request.headers)
        context = request.context
        context.path, context.bound, context.endpoint = PATH, WEB, Endpoint("10.0.0.1", 80)
        return reply or HttpReply(200, [], b"from below\n")

    diagnosis = Diagnosis("int", interpreter, (lambda _request: PATH,), 10.0)
    return sent, await diagnosis(HttpRequest(method, b"/", headers), service)


def _text(reply: HttpReply) -> str:
    return (reply.body.buffered or b"").decode()


async def test_the_reply_ends_with_what_was_done_here(autojump_clock: object) -> None:
    sent, reply = await _asked([_forwards(b"5"), ADD])

    assert sent == [[_forwards(b"4"), ADD]]
    assert _text(reply) == (
        "from below\n\n--- Router: int ---\nrequest duration: 0 ms\nservice name: /svc/web\nclient name: /#/fs/web\n"
        "addresses: [10.0.0.1:80, [::1]:81]\nselected address: 10.0.0.1:80\ndtab resolution:\n  /svc/web\n"
    )


@pytest.mark.parametrize("method", [b"TRACE", b"OPTIONS"])
async def test_a_request_that_may_go_no_further_is_answered_here(method: bytes) -> None:
    sent, reply = await _asked([_forwards(b"0")], method=method)

    assert (sent, reply.status, _text(reply)) == ([], 200, "")


@pytest.mark.parametrize(
    "tree", [Leaf(WEB), Union((Weighted(1.0, Leaf(WEB)), Weighted(2.0, Leaf(OTHER))))], ids=["one", "union"]
)
async def test_what_goes_no_further_is_told_where_it_would_go(
    tree: NameTree[BoundName], autojump_clock: object
) -> None:
    sent, reply = await _asked([_forwards(b"0"), ADD], tree=tree)

    assert sent == []
    assert "service name: /svc/web\nclient name: /#/fs/web\naddresses: [10.0.0.1:80, [::1]:81]\n" in _text(reply)
    assert "selected address: \n" in _text(reply)


async def test_a_name_that_leads_nowhere_is_told_so(autojump_clock: object) -> None:
    _sent, reply = await _asked([_forwards(b"0"), ADD], tree=FAIL)

    assert "service name: /svc/web\nclient name: /\naddresses: []\nselected address: \ndtab resolution:\n" in _text(
        reply
    )


@pytest.mark.parametrize("text", [b"31qe", b"-1", b"", b"1_0", b"9" * 10])
async def test_a_number_that_is_none_is_refused(text: bytes) -> None:
    sent, reply = await _asked([_forwards(text)])

    assert (sent, reply.status, _text(reply)) == ([], 400, "Invalid value for Max-Forwards header")


@pytest.mark.parametrize("headers", [[_forwards(b"2")], [_forwards(b"2"), (b"l5d-add-context", b"no")]])
async def test_nothing_is_added_unasked(headers: Fields) -> None:
    _sent, reply = await _asked(headers)

    assert _text(reply) == "from below\n"


async def test_only_a_trace_is_explained() -> None:
    sent, reply = await _asked([_forwards(b"2"), ADD], method=b"OPTIONS")

    assert (sent, _text(reply)) == ([[_forwards(b"1"), ADD]], "from below\n")


@pytest.mark.parametrize(
    ("body", "headers"),
    [(Trickle(b"abc"), []), (Gathered(b"abc"), []), (b"zipped", [(b"content-encoding", b"gzip")])],
    ids=["of unknown size", "in chunks that came at once", "encoded"],
)
async def test_a_body_that_cannot_be_added_to_is_replaced_by_a_notice(
    body: Body | bytes, headers: Fields, autojump_clock: object
) -> None:
    below = HttpReply(203, [(b"server", b"x"), *headers], body)

    _sent, reply = await _asked([ADD], below)

    assert _text(reply).startswith("server: x\n")
    assert f"HTTP 203 - Non-Authoritative Information\n{NOTICE}\n\n--- Router: int ---\n" in _text(reply)
    assert field(reply.headers, b"content-encoding") is None
    assert below.closed


async def test_a_body_that_streams_but_is_small_is_kept(autojump_clock: object) -> None:
    _sent, reply = await _asked([ADD], HttpReply(200, [], Trickle(b"abc", size=3)))

    assert _text(reply).startswith("abc\n\n--- Router")
