"""The admin server over HTTP: a site as a service, to be put behind any HTTP codec."""

from urllib.parse import parse_qs, unquote

from mesh.admin.pages import PageReply, PageRequest, Site
from mesh.http import HttpReply, HttpRequest
from mesh.message import EMPTY, Body, Fields
from mesh.service import Service

MAX_BODY_BYTES = 1 << 20  # A dtab or a delegation request is a few kB.
MAX_PARAMETERS = 100


def site_service(site: Site) -> Service[HttpRequest, HttpReply]:
    """Return the service that answers HTTP requests by the pages of `site`.

    A body of more than 1 MiB is refused with 413, a query of more than 100 parameters with 400. Raises what reading the
    request's body raises.
    """

    async def serve(request: HttpRequest, /) -> HttpReply:
        body = await _read(request.body)
        if body is None:
            return _http(PageReply.of_text(f"the body is longer than {MAX_BODY_BYTES} bytes\n", 413), request)
        path, _, query = request.target.decode("latin-1").partition("?")
        try:
            parameters = parse_qs(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
        except ValueError:
            return _http(PageReply.of_text(f"the query has more than {MAX_PARAMETERS} parameters\n", 400), request)
        method = request.method.decode("latin-1")
        asked = PageRequest(method, unquote(path), parameters, _headers(request.headers), body)
        return _http(await site.handle(asked), request)

    return serve


async def _read(body: Body) -> bytes | None:
    """Return the whole body, or None if it is too long; then no more of it than that is read."""
    if body.size is not None and body.size > MAX_BODY_BYTES:
        return None
    read = bytearray()
    while piece := await body.receive():
        read += piece
        if len(read) > MAX_BODY_BYTES:
            return None
    return bytes(read)


def _headers(fields: Fields) -> dict[str, str]:
    """Return the fields as text; those of one name are joined, as RFC 9110 section 5.3 allows."""
    headers: dict[str, str] = {}
    for name, value in fields:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _http(reply: PageReply, request: HttpRequest) -> HttpReply:
    fields: Fields = [
        (b"content-type", reply.content_type.encode("latin-1")),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    fields += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    if request.method != b"HEAD":
        return HttpReply(reply.status, fields, reply.body)
    http = HttpReply(reply.status, fields, EMPTY)
    http.declared_size = len(reply.body)
    return http
