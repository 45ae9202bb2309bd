"""Identifiers of HTTP requests: what names a request. Source: linkerd router/http, *Identifier.scala."""

from collections.abc import Callable

import attrs

from mesh import BadRequestContext, HttpRequest, NameSyntaxError, Path, Unidentified, field, key

MEMO = 4096  # names remembered per identifier; cleared when full, so that inventing hosts costs no memory
LONGEST = 256  # a value longer than this is a name like any other, but not remembered

HttpIdentifier = Callable[[HttpRequest], Path]


@attrs.frozen
class HeaderTokenConfig:
    """Names a request by the value of a header, as one segment: `/svc/<value>`."""

    header: str = key(
        "The header; `Host`, in HTTP/2 `:authority`, is lower-cased, others are taken as they are.", "Host"
    )


def header_token(config: HeaderTokenConfig, prefix: Path) -> HttpIdentifier:
    """Return the identifier; it remembers names, since they repeat."""
    name = _plain_name(config.header)
    lowers = name == b"host"
    memo: dict[bytes, Path] = {}

    def identify(request: HttpRequest) -> Path:
        for key_, value in request.headers:
            if key_ == name:
                known = memo.get(value)
                return remember(value) if known is None else known
        raise Unidentified(f"{config.header} header is absent")

    def remember(value: bytes) -> Path:
        if not value:
            raise Unidentified(f"{config.header} header is absent")
        return _remember(memo, value, prefix + Path((value.lower() if lowers else value,)))

    return identify


def _remember(memo: dict[bytes, Path], value: bytes, path: Path) -> Path:
    """Note the name that a value stands for, and return it."""
    if len(value) <= LONGEST:
        if len(memo) >= MEMO:
            memo.clear()
        memo[value] = path
    return path


def _plain_name(header: str) -> bytes:
    """Return the field that a request has a header in: `:authority` of HTTP/2 is the `host`."""
    name = header.lower().encode()
    return b"host" if name == b":authority" else name


@attrs.frozen
class HeaderConfig:
    """Names a request by the value of a header, read as a path: `/svc` + `<value>`."""

    header: str = key("The header.", "l5d-name")


def header(config: HeaderConfig, prefix: Path) -> HttpIdentifier:
    """Return the identifier. A value that is not a path is an error at once: no other identifier is asked."""
    name = _plain_name(config.header)

    def identify(request: HttpRequest) -> Path:
        value = field(request.headers, name)
        if not value:
            raise Unidentified(f"{config.header} header is absent")
        try:
            return prefix + Path.read(value.decode("latin-1"))
        except NameSyntaxError as error:
            raise BadRequestContext(f"{config.header}: {error}") from error

    return identify


@attrs.frozen
class PathConfig:
    """Names a request by the first segments of its target's path: `/svc/<segment>…`."""

    segments: int = key("How many segments make the name; a target with fewer has none.", 1, least=1)
    consume: bool = key("Take the segments off the target that is sent on.", False)


def path(config: PathConfig, prefix: Path) -> HttpIdentifier:
    """Return the identifier. Empty segments do not count; the query never enters a name.

    A segment is taken as it stands, whatever bytes it has, since a path can hold all of them.
    """

    def identify(request: HttpRequest) -> Path:
        target, mark, query = request.target.partition(b"?")
        taken = [segment for segment in target.split(b"/") if segment][: config.segments]
        if len(taken) < config.segments:
            raise Unidentified("not enough segments in path")
        if config.consume:
            request.target = _less(target, config.segments) + mark + query
        return prefix + Path(tuple(taken))

    return identify


def _labels(segments: list[bytes]) -> Path:
    """Return the segments as a path; they must be legal labels, as they stand in the target."""
    text = "/" + "/".join(segment.decode("latin-1") for segment in segments)
    try:
        return Path.read(text)
    except NameSyntaxError as error:
        raise Unidentified(f"the path's segments make no name: {error}") from error


def _less(target: bytes, segments: int) -> bytes:
    """Return `target` without its first segments, a trailing slash kept; `/` if nothing is left."""
    place = 0
    for _segment in range(segments):
        while target[place : place + 1] == b"/":
            place += 1
        end = target.find(b"/", place)
        if end < 0:
            return b"/"
        place = end
    return target[place:] or b"/"


@attrs.frozen
class HeaderPathConfig:
    """Names a request by the path in a header, mostly its target's: `/svc/<segment>…`."""

    header: str = key("The header; `:path` is the target.", ":path")
    segments: int | None = key("How many segments make the name; all of them by default.", None, least=1)


def header_path(config: HeaderPathConfig, prefix: Path) -> HttpIdentifier:
    """Return the identifier, which remembers names, since they repeat. The query and a slash at the end do not count.

    Source: linkerd protocol/h2, HeaderPathIdentifier.scala.
    """
    name, wanted = _plain_name(config.header), config.segments
    memo: dict[bytes, Path] = {}

    def identify(request: HttpRequest) -> Path:
        value = request.target if name == b":path" else field(request.headers, name)
        if not value:
            raise Unidentified("Missing destination path")
        return memo.get(value) or read(value)

    def read(value: bytes) -> Path:
        segments = [segment for segment in value.partition(b"?")[0].split(b"/") if segment]
        if len(segments) < (wanted or 1):
            raise Unidentified(f"Path must have at least {wanted or 1} segment(s)")
        return _remember(memo, value, prefix + Path(tuple(segments[:wanted])))

    return identify


@attrs.frozen
class MethodAndHostConfig:
    """Names a request by version, method and host: `/svc/1.1/<METHOD>/<host>`."""

    http_uri_in_dst: bool = key("Append the segments of the target's path to the name.", False)


def method_and_host(config: MethodAndHostConfig, prefix: Path) -> HttpIdentifier:
    """Return the identifier; a host is lower-cased, and needed in HTTP/1.1 alone."""

    def identify(request: HttpRequest) -> Path:
        if request.version == (1, 0):
            parts = [b"1.0", request.method]
        else:
            host = field(request.headers, b"host")
            if not host:
                raise Unidentified("HTTP/1.1 request missing hostname")
            parts = [b"1.1", request.method, host.lower()]
        name = prefix + Path(tuple(parts))
        if config.http_uri_in_dst:
            uri = request.target.partition(b"?")[0]
            name += _labels([segment for segment in uri.split(b"/") if segment]) if uri.strip(b"/") else Path(())
        return name

    return identify


@attrs.frozen
class StaticConfig:
    """Gives every request the same name."""

    path: Path = key("The name, below the router's `dstPrefix`.")


def static(config: StaticConfig, prefix: Path) -> HttpIdentifier:
    """Return the identifier."""
    name = prefix + config.path
    return lambda _request: name
