import pytest

from mesh.http import HttpReply, HttpRequest, InterimSink, field, without
from mesh.message import EMPTY, Body, Buffered, Request

HEADERS = [(b"host", b"web"), (b"accept", b"text/html"), (b"accept", b"*/*")]


def test_a_reply_takes_its_body_as_bytes_or_as_a_body() -> None:
    body = Body()

    assert HttpReply(200, body=b"hello").body.buffered == b"hello"
    assert HttpReply(200, body=body).body is body
    assert HttpReply(204).body is EMPTY


@pytest.mark.parametrize(("status", "reason"), [(200, b"OK"), (404, b"Not Found"), (599, b"")])
def test_a_reply_has_the_usual_reason_of_its_status(status: int, reason: bytes) -> None:
    assert HttpReply(status).reason == reason


def test_a_reply_may_give_another_reason_even_none() -> None:
    assert [HttpReply(200, reason=b"Fine").reason, HttpReply(200, reason=b"").reason] == [b"Fine", b""]


def test_two_replies_do_not_share_their_headers() -> None:
    one, other = HttpReply(200), HttpReply(200)

    one.headers.append((b"a", b"b"))

    assert other.headers == []


def test_a_request_has_a_body_and_a_context_even_if_nobody_gave_it_any() -> None:
    one, other = HttpRequest(b"GET", b"/", []), HttpRequest(b"GET", b"/", [])

    assert (one.body, one.version, one.scheme, one.expects_continue) == (EMPTY, (1, 1), b"http", False)
    assert one.context is not other.context


def test_a_request_made_again_has_all_of_it_and_headers_of_its_own() -> None:
    asked = HttpRequest(b"PUT", b"/x", [(b"host", b"web")], Buffered(b"hi"), version=(1, 0))
    asked.scheme, asked.expects_continue, asked.on_interim = b"https", True, InterimSink()
    asked.upgrade = b"websocket"

    again = asked.again()
    again.headers.append((b"a", b"b"))

    slots = [name for cls in (Request, HttpRequest) for name in cls.__slots__ if name != "headers"]
    assert [getattr(again, name) for name in slots] == [getattr(asked, name) for name in slots]
    assert (asked.headers, again.headers) == ([(b"host", b"web")], [(b"host", b"web"), (b"a", b"b")])


def test_a_request_is_made_again_as_it_was_when_it_was_kept() -> None:
    asked = HttpRequest(b"GET", b"/x", [(b"host", b"web")])
    again = asked.keep()

    asked.headers.append((b"a", b"b"))
    asked.target = b"/y"
    first = again()
    first.headers.append((b"c", b"d"))
    second = again()

    assert (second.target, second.headers, second.context) == (b"/x", [(b"host", b"web")], asked.context)


def test_a_field_is_found_by_name_and_the_first_counts() -> None:
    assert [field(HEADERS, b"accept"), field(HEADERS, b"cookie")] == [b"text/html", None]


def test_fields_are_taken_out_by_name_without_touching_the_list() -> None:
    left = without(HEADERS, b"accept", b"cookie")

    assert (left, len(HEADERS)) == ([(b"host", b"web")], 3)


async def test_where_interim_replies_go_is_for_a_codec_to_say() -> None:
    with pytest.raises(NotImplementedError):
        await InterimSink().send_interim(100, [])
