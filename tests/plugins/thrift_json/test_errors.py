from mesh import HttpReply
from mesh_plugins.thrift_json.errors import answer, refused


def test_an_answer_is_json_in_one_line() -> None:
    reply = answer(200, {"name": "grüß", "ids": [1, 2]})

    assert _facts(reply) == (200, [(b"content-type", b"application/json")], '{"name":"grüß","ids":[1,2]}')


def test_a_refusal_says_what_is_wrong() -> None:
    reply = refused(405, "POST", (b"allow", b"POST"), at="$.x").reply

    fields = [(b"content-type", b"application/json"), (b"allow", b"POST")]
    assert _facts(reply) == (405, fields, '{"error":"POST","at":"$.x"}')


def test_half_of_a_surrogate_pair_is_told_back_as_json_has_it() -> None:
    assert answer(400, {"at": "$.\ud800"}).body.buffered == b'{"at":"$.\\ud800"}'


def _facts(reply: HttpReply) -> tuple[int, list[tuple[bytes, bytes]], str]:
    return reply.status, reply.headers, (reply.body.buffered or b"").decode()
