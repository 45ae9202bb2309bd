"""The filter."""

import attrs

from mesh import HttpReply, HttpRequest, Service, key


@attrs.frozen
class Greeting:
    """Adds a greeting to every reply."""

    greeting: str = key("What is said.", "hello")

    async def __call__(self, request: HttpRequest, service: Service[HttpRequest, HttpReply], /) -> HttpReply:
        """Answer as the service does, with a greeting."""
        reply = await service(request)
        reply.headers.append((b"x-greeting", self.greeting.encode()))
        return reply
