"""Answers of the filter's own: what is wrong with a request, or what a service said instead of a result."""

import json

from mesh import Fields, HttpReply
from mesh_plugins.thrift.exceptions import ExceptionType
from mesh_plugins.thrift_json.wrong import Json

JSON: tuple[bytes, bytes] = (b"content-type", b"application/json")

NOT_THERE = 501
BROKEN = 502
STATUSES: dict[int, int] = {ExceptionType.UNKNOWN_METHOD: NOT_THERE}
"""What a `TApplicationException` is answered with; any other with `BROKEN`: the service failed, in its own way."""


class Refused(Exception):
    """The request cannot be sent; `reply` says why."""

    def __init__(self, reply: HttpReply) -> None:
        super().__init__()
        self.reply = reply


def refused(status: int, error: str, *fields: tuple[bytes, bytes], **more: Json) -> Refused:
    """Return the refusal with a status, whose body has `error` and more keys; `fields` go into the head."""
    return Refused(answer(status, {"error": error, **more}, *fields))


def answer(status: int, value: Json, *fields: tuple[bytes, bytes]) -> HttpReply:
    """Return a reply with a JSON body."""
    headers: Fields = [JSON, *fields]
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return HttpReply(status, headers, text.encode(errors="backslashreplace"))  # halves of surrogate pairs: JSON escapes
