"""A filter of one's own, for `custom-filter.yaml`."""

import attrs

from mesh import HttpReply, HttpRequest, Service, key


@attrs.frozen
class Greeting:
    """Adds the field `greeting` to every reply."""

    words: str = key("What the field says.", "hello")

    async def __call__(self, request: HttpRequest, service: Service[HttpRequest, HttpReply]) -> HttpReply:
        reply = await service(request)
        reply.headers.append((b"greeting", self.words.encode()))
        return reply
