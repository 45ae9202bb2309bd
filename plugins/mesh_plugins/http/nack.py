"""Takes a reply that says "not processed" for what it is: an attempt that may be made again.

Only `finagle-http-nack` counts; a bare `Retry-After: 0` is an application's own business.
Source: finagle-base-http, HttpNackFilter.scala, `RetryableNackHeader`.
"""

from mesh import AnyService, HttpReply, HttpRequest, Nacked, filtered


class Nack:
    """Raises `Nacked` for a 503 with `finagle-http-nack`."""

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        reply: HttpReply = await service(request)
        if reply.status == 503:
            for name, _value in reply.headers:
                if name == b"finagle-http-nack":
                    await reply.aclose()
                    raise Nacked(f"{request.context.endpoint} refused the request")
        return reply


NACK = filtered(
    "nack",
    Nack(),
    above=("pool",),
    below=("accrual",),
    why="a refusal is a failure of the endpoint",
    section="endpoint",
)
