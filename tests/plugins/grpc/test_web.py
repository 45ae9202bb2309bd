"""gRPC-Web in, gRPC out, and back."""

from base64 import b64decode, b64encode

import pytest

from mesh import EMPTY, Body, HttpReply, HttpRequest, Params, RemoteProtocolError
from mesh.testing import Trickle, reply, request, run_filter
from mesh_plugins.grpc.messages import Message, MessageReader, encode
from mesh_plugins.grpc.web import Base64, GrpcWeb, GrpcWebConfig, grpc_web, trailers_frame
from mesh_plugins.http.gathered import Trailed
from tests.plugins.rest import Rest

WEB, TEXT = "application/grpc-web+proto", "application/grpc-web-text+proto"
GRPC = {"content-type": "application/grpc+proto"}
MESSAGE = encode(b"hello")
OK = [(b"grpc-status", b"0"), (b"x-bin", b"AQI=")]
ENDED = MESSAGE + trailers_frame(OK)


def call(content_type: str, body: Body | bytes = MESSAGE, more: dict[str, str] | None = None) -> HttpRequest:
    return request("POST", "/a.B/C", headers={"content-type": content_type, **(more or {})}, body=body)


async def _all(body: Body) -> list[bytes]:
    pieces = []
    while piece := await body.receive():
        pieces.append(piece)
    assert await body.receive() == b""
    return pieces


async def _sent_on(asked: HttpRequest) -> tuple[HttpRequest, list[bytes]]:
    """Return the request that goes on, and what its body is."""
    seen: list[HttpRequest] = []

    def answer(passed: HttpRequest) -> HttpReply:
        seen.append(passed)
        return reply(200, headers=GRPC)

    await run_filter(GrpcWeb(), asked, answer)
    return seen[0], await _all(seen[0].body)


async def _answered(answer: HttpReply, content_type: str = WEB, **more: str) -> tuple[HttpReply, list[bytes]]:
    body = b64encode(MESSAGE) if "text" in content_type else MESSAGE
    returned: HttpReply = await run_filter(GrpcWeb(), call(content_type, body, more), answer)
    return returned, await _all(returned.body)


async def test_a_call_goes_on_as_one_of_grpc() -> None:
    asked = call(WEB, more={"x-grpc-web": "1", "grpc-timeout": "1S", "accept": WEB})

    sent, body = await _sent_on(asked)

    assert sent.headers == [(b"grpc-timeout", b"1S"), (b"content-type", b"application/grpc+proto")]
    assert body == [MESSAGE]


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/grpc-web", b"application/grpc"),
        ("Application/grpc-web+json", b"application/grpc+json"),
        ("application/grpc-web;charset=utf-8", b"application/grpc;charset=utf-8"),
    ],
)
async def test_what_messages_are_encoded_in_is_told_on(content_type: str, expected: bytes) -> None:
    sent, _body = await _sent_on(call(content_type))

    assert sent.headers == [(b"content-type", expected)]


@pytest.mark.parametrize("content_type", ["application/grpc-webx", "application/grpc", "text/plain"])
async def test_other_requests_pass_as_they_are(content_type: str) -> None:
    answer = reply(200, b"x", headers=GRPC)
    asked = call(content_type)

    assert await run_filter(GrpcWeb(), asked, answer) is answer
    assert (asked.body.buffered, answer.body.buffered) == (MESSAGE, b"x")


async def test_trailers_are_the_last_frame_of_a_stream() -> None:
    returned, pieces = await _answered(reply(200, Trickle(MESSAGE, MESSAGE, trailers=OK), headers=GRPC))

    assert returned.headers == [(b"content-type", b"application/grpc-web+proto")]
    assert pieces == [MESSAGE, MESSAGE, trailers_frame(OK)]
    assert MessageReader().feed(pieces[2]) == [Message(b"grpc-status: 0\r\nx-bin: AQI=\r\n", 0x80)]


async def test_a_whole_reply_stays_whole() -> None:
    returned, pieces = await _answered(reply(200, Trailed(MESSAGE, OK), headers=GRPC))

    assert (returned.whole, pieces) == (True, [ENDED])


async def test_a_reply_that_is_only_a_status_stays_one() -> None:
    returned, pieces = await _answered(reply(200, headers={**GRPC, "grpc-status": "14"}))

    assert (returned.headers[1], returned.body, pieces) == ((b"grpc-status", b"14"), EMPTY, [])


async def test_in_base64_each_piece_is_let_out_as_it_comes() -> None:
    returned, pieces = await _answered(reply(200, Trickle(MESSAGE, MESSAGE, trailers=OK), headers=GRPC), TEXT)

    assert returned.headers == [(b"content-type", b"application/grpc-web-text+proto")]
    assert [b64decode(piece) for piece in pieces] == [MESSAGE, MESSAGE, trailers_frame(OK)]


async def test_a_whole_reply_in_base64_is_one_piece() -> None:
    _returned, pieces = await _answered(reply(200, Trailed(MESSAGE, OK), headers=GRPC), TEXT)

    assert b64decode(b"".join(pieces)) == ENDED


@pytest.mark.parametrize(
    ("content_type", "accept", "is_text"),
    [(WEB, "application/grpc-web-text", True), (TEXT, "application/grpc-web", False), (TEXT, "*/*", True)],
)
async def test_a_client_may_ask_for_the_other_form(content_type: str, accept: str, is_text: bool) -> None:
    _returned, pieces = await _answered(reply(200, Trailed(MESSAGE, OK), headers=GRPC), content_type, accept=accept)

    assert pieces == [b64encode(ENDED) if is_text else ENDED]


async def test_what_is_no_reply_of_grpc_passes_as_it_is() -> None:
    answer = reply(403, b"no", headers={"content-type": "text/plain"})

    returned, pieces = await _answered(answer)

    assert (returned, pieces) == (answer, [b"no"])


async def test_a_body_in_base64_is_decoded() -> None:
    _sent, body = await _sent_on(call(TEXT, b64encode(MESSAGE)))

    assert body == [MESSAGE]


@pytest.mark.parametrize("place", range(1, 24))
async def test_a_body_in_base64_may_come_in_pieces_and_be_padded_between(place: int) -> None:
    text = b64encode(b"a") + b64encode(b"bc") + b64encode(b"def") + b64encode(b"ghij")
    pieces = [piece for piece in (text[:place], text[place:]) if piece]

    _sent, body = await _sent_on(call(TEXT, Trickle(*pieces)))

    assert b"".join(body) == b"abcdefghij"


@pytest.mark.parametrize("text", [b"QUJ", b"Q?==", b"=QUI", b"QQ==Q", b"QU\nI"])
async def test_what_is_no_base64_is_refused(text: bytes) -> None:
    async def reading(passed: HttpRequest) -> HttpReply:
        await _all(passed.body)
        return reply()

    for body in (text, Trickle(text)):
        with pytest.raises(RemoteProtocolError, match="base64"):
            await run_filter(GrpcWeb(), call(TEXT, body), reading)


def test_base64_holds_no_more_than_a_group() -> None:
    decoder = Base64()

    assert [decoder.feed(bytes([byte])) for byte in b"QUJD"] == [b"", b"", b"", b"ABC"]


async def test_a_body_that_breaks_off_says_so() -> None:
    returned = await run_filter(GrpcWeb(), call(WEB), reply(200, Trickle(error=RemoteProtocolError("x")), headers=GRPC))
    with pytest.raises(RemoteProtocolError):
        await returned.body.receive()

    assert returned.body.broke


async def test_the_filter_stands_above_what_gives_calls_their_status() -> None:
    module = grpc_web(GrpcWebConfig())
    rest = Rest()
    rest.answer = lambda _request: reply(200, Trailed(MESSAGE, OK), headers=GRPC)

    answered = await module.wrap(Params(), rest)(call(WEB))

    assert ("grpc_endings" in module.above, "errors" in module.above) == (True, True)
    assert answered.body.buffered == ENDED
