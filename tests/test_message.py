import pathlib
import ssl
from collections.abc import Callable

import pytest

from mesh.errors import UpstreamBroken
from mesh.message import EMPTY, Body, Buffered, Context, Reply, Request, TlsPeer, WrappedBody
from mesh.testing import Trickle
from tests.certificates import Authority


def raising() -> None:
    raise LookupError("a bug")


async def test_a_buffered_body_is_received_once_and_read_any_number_of_times() -> None:
    body = Buffered(b"hello")

    received = [await body.receive() for _ in range(3)]

    assert received == [b"hello", b"", b""]
    assert (body.buffered, body.size, body.trailers) == (b"hello", 5, [])


async def test_the_empty_body_can_be_shared() -> None:
    received = [await EMPTY.receive() for _ in range(2)]

    assert (received, EMPTY.size, EMPTY.buffered) == ([b"", b""], 0, b"")


def test_a_body_knows_neither_size_nor_content_unless_it_says_so() -> None:
    body = Body()

    assert (body.size, body.buffered, body.trailers) == (None, None, [])


def test_a_request_without_a_context_gets_one_of_its_own() -> None:
    one, other = Request(), Request()

    assert one.context is not other.context


def test_a_request_made_again_shares_the_context() -> None:
    asked = Request(Buffered(b"hi"))

    again = asked.again()

    assert (again is asked, again.body, again.context) == (False, asked.body, asked.context)


def test_a_request_is_made_again_as_it_was_when_it_was_kept() -> None:
    asked = Request(Buffered(b"hi"))
    kept = asked.body
    again = asked.keep()

    asked.body = Buffered(b"other")

    assert (again().body, again() is again()) == (kept, False)


async def test_closing_a_reply_calls_back_once_the_last_first() -> None:
    reply, told = Reply(), list[str]()
    reply.on_close(lambda: told.append("first"))
    reply.on_close(lambda: told.append("second"))

    await reply.aclose()
    await reply.aclose()

    assert (told, reply.closed) == (["second", "first"], True)


async def test_a_callback_of_a_closed_reply_is_called_at_once() -> None:
    reply, told = Reply(), list[str]()
    await reply.aclose()

    reply.on_close(lambda: told.append("late"))

    assert told == ["late"]


@pytest.mark.parametrize("register", [lambda reply: None, lambda reply: reply.on_close(raising)])
async def test_a_callback_that_raises_is_logged_and_the_others_are_called(
    register: Callable[[Reply], None], caplog: pytest.LogCaptureFixture
) -> None:
    reply, told = Reply(), list[str]()
    reply.on_close(lambda: told.append("first"))
    register(reply)
    reply.on_close(lambda: told.append("last"))

    await reply.aclose()
    reply.on_close(raising)

    assert told == ["last", "first"]
    assert "LookupError: a bug" in caplog.text


async def test_a_callback_may_register_another_which_is_called_too() -> None:
    reply, told = Reply(), list[str]()
    reply.on_close(lambda: reply.on_close(lambda: told.append("nested")))

    await reply.aclose()

    assert told == ["nested"]


async def test_a_context_keeps_every_reply_that_may_have_to_be_closed() -> None:
    context, first, second, third = Context(), Reply(), Reply(), Reply()

    context.made(first)
    alone = context.replies
    context.made(second)
    context.made(third)

    assert (alone, context.replies) == (first, [first, second, third])


async def test_a_context_forgets_a_closed_reply_for_the_next_one() -> None:
    context, first, second = Context(), Reply(), Reply()
    context.made(first)
    await first.aclose()

    context.made(second)

    assert context.replies is second


def test_a_reply_is_whole_if_its_body_is_in_memory() -> None:
    assert (Reply().whole, Reply(Buffered(b"x")).whole, Reply(Body()).whole) == (True, True, False)


def test_a_reply_whose_body_was_exchanged_is_whole_if_the_new_one_is_in_memory() -> None:
    streamed, buffered = Body(), Buffered(b"x")
    reply = Reply()

    reply.body = streamed
    first = reply.body, reply.whole
    reply.body = buffered

    assert (first, reply.body, reply.whole) == ((streamed, False), buffered, True)


def test_a_peer_is_known_by_its_certificate(tmp_path: pathlib.Path) -> None:
    files = Authority(tmp_path).issue("spiffe://mesh/web", "web.example", common_name="web")
    certificate = ssl.PEM_cert_to_DER_cert(pathlib.Path(files.cert).read_text())

    peer = TlsPeer(certificate, "web.example", "TLSv1.3")

    assert peer.sans == ("URI:spiffe://mesh/web", "DNS:web.example")
    assert peer.subject == "CN=web"


@pytest.mark.parametrize("certificate", [b"", b"\x30\x03\x02\x01\x00"])
def test_a_peer_without_a_certificate_that_can_be_read_has_no_names(certificate: bytes) -> None:
    peer = TlsPeer(certificate)

    assert (peer.subject, peer.sans) == ("", ())


async def test_a_body_around_another_one_ends_as_that_does() -> None:
    body = WrappedBody(Trickle(b"one", trailers=[("a", "b")], error=UpstreamBroken("gone")))

    before = (await body.receive(), body.trailers, body.broke)
    with pytest.raises(UpstreamBroken):
        await body.receive()

    assert before == (b"one", [], False)
    assert (body.trailers, body.broke) == ([(b"a", b"b")], True)


def test_a_body_around_another_one_says_nothing_of_what_it_may_change() -> None:
    body = WrappedBody(Buffered(b"hello"))

    assert (body.size, body.buffered) == (None, None)
