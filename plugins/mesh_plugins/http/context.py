"""The routing context that HTTP requests carry: dtab overrides, and the depth of calls so far.

Source: linkerd protocol/http, LinkerdHeaders.scala and `MaxCallDepthFilter`; RFC 9110 section 7.6.3 for `via`.
"""

from collections.abc import Awaitable, Callable, Iterable

from mesh import (
    EMPTY_DTAB,
    AnyService,
    BadRequestContext,
    Dtab,
    Fields,
    HttpReply,
    HttpRequest,
    Make,
    Module,
    NameSyntaxError,
    Param,
    Params,
    RemoteProtocolError,
    bind,
    filtered,
    without,
)

CTX_DTAB = b"l5d-ctx-dtab"
USER_DTAB = b"l5d-dtab"
MEMO = 256  # overrides remembered, read once each; cleared when full
LONGEST = 8192  # bytes of an override that is read at all

Reader = Callable[[HttpRequest], None]
"""Acts on a request that has a field which it looks for. Raises what the request is to be answered with."""
Readers = tuple[tuple[frozenset[bytes], Reader], ...]
READERS: Param[Readers] = Param((), "readers of fields")
"""What is looked for in the one pass over the fields that `request_fields` makes: the names, and who reads them, in order."""


def with_reader(params: Params, names: Iterable[bytes], read: Reader) -> Params:
    """Return params with one more reader, the last so far."""
    return params.put(READERS, (*params[READERS], (frozenset(names), read)))


class DtabReader:
    """Reads `l5d-ctx-dtab`, then `l5d-dtab`, into the request's local dtab, and passes both on as `l5d-ctx-dtab`.

    The latter is appended, hence stronger. Raises `BadRequestContext` if one does not parse.
    """

    __slots__ = ("_memo",)

    def __init__(self) -> None:
        self._memo: dict[bytes, Dtab] = {}

    def __call__(self, request: HttpRequest) -> None:
        headers = request.headers
        texts = [value for name, value in headers if name == CTX_DTAB]
        texts += [value for name, value in headers if name == USER_DTAB]
        local = EMPTY_DTAB
        for text in texts:
            local = local + self._parsed(text)
        request.headers = without(headers, CTX_DTAB, USER_DTAB)
        if len(local):
            request.headers.append((CTX_DTAB, local.show().encode()))
            request.context.local_dtab = local

    def _parsed(self, text: bytes) -> Dtab:
        dtab = self._memo.get(text)
        if dtab is None:
            if len(text) > LONGEST:
                raise BadRequestContext(f"a dtab override of {len(text)} bytes is longer than {LONGEST}")
            try:
                dtab = Dtab.read(text.decode("latin-1"))
            except NameSyntaxError as error:
                raise BadRequestContext(str(error)) from error
            if len(self._memo) >= MEMO:
                self._memo.clear()
            self._memo[text] = dtab
        return dtab


class CallDepth:
    """Refuses requests that passed too many proxies, which is most likely a loop."""

    __slots__ = ("_most",)

    def __init__(self, most: int) -> None:
        self._most = most

    def __call__(self, request: HttpRequest) -> None:
        headers = request.headers
        depth = sum(value.count(b",") + 1 for name, value in headers if name == b"via")
        own = sum(value.count(VIA_NAME) for name, value in headers if name == b"via")
        if depth > self._most or own > MOST_OWN:
            most = self._most if depth > self._most else MOST_OWN
            raise BadRequestContext(
                f"Maximum number of calls ({most}) has been exceeded. Please check for proxy loops."
            )


VIA_NAME = b"linkerd"
USUAL_HOP = (b"via", b"1.1 linkerd")
HOPS = {(1, 0): (b"via", b"1.0 linkerd"), (2, 0): (b"via", b"h2 linkerd")}
"""This hop as a field, by the version that a message came in; linkerd's spelling."""
MOST_OWN = 16  # times our own name may stand in `via`: more is a loop, long before the limit on all proxies


SUCCESS_CLASS = b"l5d-success-class"
SUCCEEDED = (SUCCESS_CLASS, b"1.0")
FAILED = (SUCCESS_CLASS, b"0.0")
ADDED = frozenset([b"via", SUCCESS_CLASS])


class Via:
    """Adds this hop to `via`, on the request and on the reply, and says in the reply whether it counts as a success.

    For the latter the classifier has been asked already; a reply that nobody judged says nothing.
    Source: linkerd protocol/http, ClassifierFilter.scala.
    """

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        _append(request.headers, HOPS.get(request.version, USUAL_HOP))
        reply: HttpReply = await service(request)
        headers = reply.headers
        hop = HOPS.get(reply.version, USUAL_HOP)
        for name, _value in headers:
            if name in ADDED:
                reply.headers = headers = without(headers, SUCCESS_CLASS)
                _append(headers, hop)
                break
        else:
            headers.append(hop)
        if reply.outcome is not None:
            headers.append(SUCCEEDED if reply.outcome else FAILED)
        return reply


def _append(headers: Fields, hop: tuple[bytes, bytes]) -> None:
    for place, (name, value) in enumerate(headers):
        if name == b"via":
            headers[place] = (name, value + b", " + hop[1])
            return
    headers.append(hop)


FOR_FINAGLE = (b"dtab-local", b"x-dtab-", b"finagle-")


class Edge:
    """Hands on what an untrusted client asks for in one spelling alone: with a normalised path.

    Fields go that mean nothing here, but in which a service made with Finagle reads dtab overrides and other orders of the
    mesh. Source: finagle-http, HttpDtab.scala; finagle-base-http, HttpContext.scala. It costs some 0.15 µs for each field.
    """

    def __call__(self, request: HttpRequest, service: AnyService, /) -> Awaitable[HttpReply]:
        request.target = normalised(request.target)
        request.headers = [item for item in request.headers if not item[0].startswith(FOR_FINAGLE)]
        return service(request)


def normalised(target: bytes) -> bytes:
    """Return a target with its path normalised once: dot segments resolved, slashes merged, `%2e` decoded.

    Raises `RemoteProtocolError` for a path with a malformed escape, an escaped slash or backslash, or a backslash.
    Source: RFC 3986 sections 5.2.4 and 6.2.2; Envoy's `normalize_path` and `merge_slashes`.
    """
    path, mark, query = target.partition(b"?")
    if b"%" not in path and b"." not in path and b"//" not in path and b"\\" not in path:
        return target
    kept: list[bytes] = []
    segments = _checked(path).split(b"/")
    for segment in segments[1:]:
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b".", b""):
            kept.append(segment)
    slash = b"/" if kept and segments[-1] in (b"", b".", b"..") else b""
    return b"/" + b"/".join(kept) + slash + mark + query


def _checked(path: bytes) -> bytes:
    """Return `path` with unreserved characters decoded; refuse what two readers could read differently."""
    if b"\\" in path:
        raise RemoteProtocolError("the path contains a backslash")
    head, *rest = path.split(b"%")
    pieces = [head]
    for piece in rest:
        digits = piece[:2]
        if len(digits) < 2 or not all(digit in b"0123456789abcdefABCDEF" for digit in digits):
            raise RemoteProtocolError("the path contains a malformed percent-encoding")
        byte = bytes([int(digits, 16)])
        if byte in (b"/", b"\\"):
            raise RemoteProtocolError("the path contains an encoded slash or backslash")
        unreserved = byte.isalnum() or byte in (b"-", b".", b"_", b"~")
        pieces.append((byte if unreserved and byte.isascii() else b"%" + digits) + piece[2:])
    return b"".join(pieces)


MAX_CALL_DEPTH = Param(1000, "max call depth")
PROFILE = Param("mesh", "profile")
"""Whom a server trusts: `mesh` or `edge`."""


def _edge(params: Params, rest: Make) -> AnyService:
    return bind(Edge(), rest(params), "edge") if params[PROFILE] == "edge" else rest(params)


def _call_depth(params: Params, rest: Make) -> AnyService:
    return rest(with_reader(params, [b"via"], CallDepth(params[MAX_CALL_DEPTH])))


def _dtab_headers(params: Params, rest: Make) -> AnyService:
    return rest(with_reader(params, [CTX_DTAB, USER_DTAB], DtabReader()))


EDGE = Module(
    "edge",
    _edge,
    above=("router",),
    why="a name must not depend on how a path is spelled",
    section="server",
)
CALL_DEPTH = Module(
    "call_depth",
    _call_depth,
    above=("request_fields", "router"),
    why="a loop must end before it is routed; `request_fields` finds the field for it",
    section="server",
)
DTAB_HEADERS = Module(
    "dtab_headers",
    _dtab_headers,
    above=("request_fields", "router"),
    why="the binding needs the override of the request; `request_fields` finds the fields for it",
    section="server",
)
VIA = filtered(
    "via", Via(), below=("router",), why="once per request, however many attempts it takes", section="service"
)
