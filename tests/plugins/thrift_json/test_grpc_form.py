import pytest

from mesh import HttpReply
from mesh_plugins.grpc.messages import COMPRESSED, encode
from mesh_plugins.grpc.status import Code, read_status
from mesh_plugins.thrift_json.errors import Refused, answer
from mesh_plugins.thrift_json.grpc_form import as_grpc, only_message


def test_the_message_is_what_stands_behind_its_prefix() -> None:
    assert only_message(encode(b"{}")) == b"{}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        encode(b"{}") * 2,
        encode(b"{}", COMPRESSED),
        encode(b"{}")[:-1],
        encode(b"{}")[:3],
        encode(b"{}", 2),
        bytes.fromhex("00ffffffff"),
    ],
)
def test_anything_but_one_plain_message_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as raised:
        only_message(body)

    assert raised.value.reply.status == 400


@pytest.mark.parametrize(("status", "message"), [(200, b"[1]"), (204, b"null"), (202, b"null")])
def test_a_result_is_a_message_with_trailers(status: int, message: bytes) -> None:
    given = answer(200, [1]) if status == 200 else HttpReply(status)

    reply = as_grpc(given)

    assert (reply.status, reply.body.buffered) == (200, encode(message))
    assert reply.body.trailers == [(b"grpc-status", b"0")]


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, Code.INVALID_ARGUMENT), (404, Code.NOT_FOUND), (500, Code.UNKNOWN), (501, Code.UNIMPLEMENTED)],
)
def test_an_error_is_a_status_with_what_was_said(status: int, code: Code) -> None:
    reply = as_grpc(answer(status, {"error": "no luck"}))

    assert (reply.body.buffered, read_status(reply.headers)) == (b"", code)
    assert (b"grpc-message", b'{"error":"no luck"}') in reply.headers
