"""Identifiers: what names an HTTP request."""

import pytest

from mesh import BadRequestContext, Fields, HttpRequest, Path, Unidentified
from mesh_plugins.http import identifiers
from mesh_plugins.http.identifiers import (
    HeaderConfig,
    HeaderTokenConfig,
    MethodAndHostConfig,
    PathConfig,
    StaticConfig,
)

PREFIX = Path.read("/svc")


def _request(target: bytes = b"/", headers: Fields | None = None, version: tuple[int, int] = (1, 1)) -> HttpRequest:
    return HttpRequest(b"GET", target, headers or [], version=version)


def test_a_host_is_lower_cased_and_keeps_its_port() -> None:
    identify = identifiers.header_token(HeaderTokenConfig(), PREFIX)

    name = identify(_request(headers=[(b"host", b"Example.COM:8080")]))

    assert name.show() == "/svc/example.com:8080"


def test_another_header_is_taken_as_it_is_and_as_one_segment() -> None:
    identify = identifiers.header_token(HeaderTokenConfig("My-Header"), PREFIX)

    name = identify(_request(headers=[(b"my-header", b"A/b")]))

    assert name.elems == (b"svc", b"A/b")


def test_the_same_value_gives_the_same_path_object() -> None:
    identify = identifiers.header_token(HeaderTokenConfig(), PREFIX)

    first = identify(_request(headers=[(b"host", b"web")]))

    assert identify(_request(headers=[(b"host", b"web")])) is first


def test_the_memory_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identifiers, "MEMO", 2)
    identify = identifiers.header_token(HeaderTokenConfig(), PREFIX)
    first = identify(_request(headers=[(b"host", b"a")]))

    for host in (b"b", b"c"):
        identify(_request(headers=[(b"host", host)]))

    assert identify(_request(headers=[(b"host", b"a")])) is not first


@pytest.mark.parametrize("headers", [[], [(b"host", b"")]], ids=["absent", "empty"])
def test_a_request_without_the_header_is_not_identified(headers: Fields) -> None:
    identify = identifiers.header_token(HeaderTokenConfig(), PREFIX)

    with pytest.raises(Unidentified, match="Host header is absent"):
        identify(_request(headers=headers))


def test_a_header_is_read_as_a_path() -> None:
    identify = identifiers.header(HeaderConfig(), PREFIX)

    assert identify(_request(headers=[(b"l5d-name", b"/a/b")])).show() == "/svc/a/b"


def test_a_header_that_is_no_path_is_an_error_at_once() -> None:
    identify = identifiers.header(HeaderConfig(), PREFIX)

    with pytest.raises(BadRequestContext, match="l5d-name: '/' expected but 'a' found"):
        identify(_request(headers=[(b"l5d-name", b"a")]))


@pytest.mark.parametrize(
    ("target", "name", "left"),
    [
        (b"/a/b/c?q=1", "/svc/a/b", b"/c?q=1"),
        (b"/a/b", "/svc/a/b", b"/"),
        (b"/a/b/", "/svc/a/b", b"/"),
        (b"/a/b?q", "/svc/a/b", b"/?q"),
        (b"//a//b//c/", "/svc/a/b", b"//c/"),
    ],
)
def test_consumed_segments_are_taken_off_the_target(target: bytes, name: str, left: bytes) -> None:
    identify = identifiers.path(PathConfig(segments=2, consume=True), PREFIX)
    request = _request(target)

    found = identify(request)

    assert (found.show(), request.target) == (name, left)


def test_the_target_stays_as_it_is_if_nothing_is_consumed() -> None:
    identify = identifiers.path(PathConfig(), PREFIX)
    request = _request(b"/a/b?q")

    identify(request)

    assert request.target == b"/a/b?q"


@pytest.mark.parametrize("target", [b"/", b"/a", b"/?a/b", b"*"])
def test_a_target_with_too_few_segments_is_not_identified(target: bytes) -> None:
    identify = identifiers.path(PathConfig(segments=2), PREFIX)

    with pytest.raises(Unidentified, match="not enough segments in path"):
        identify(_request(target))


def test_a_segment_is_taken_whatever_it_consists_of() -> None:
    """Source: linkerd router/http, PathIdentifier.scala, which makes the path of bytes and does not read it."""
    identify = identifiers.path(PathConfig(segments=1), PREFIX)

    assert identify(_request(b"/a/!")).show() == "/svc/a"
    assert identify(_request(b"/a~b/c")).elems == (b"svc", b"a~b")


def test_a_name_of_version_method_and_host() -> None:
    identify = identifiers.method_and_host(MethodAndHostConfig(), PREFIX)

    assert identify(_request(headers=[(b"host", b"Web")])).show() == "/svc/1.1/GET/web"
    assert identify(_request(version=(1, 0))).show() == "/svc/1.0/GET"
    with pytest.raises(Unidentified, match="missing hostname"):
        identify(_request())


def test_a_name_may_include_the_path_but_never_the_query() -> None:
    identify = identifiers.method_and_host(MethodAndHostConfig(http_uri_in_dst=True), PREFIX)

    assert identify(_request(b"/a/b?c=d", [(b"host", b"web")])).show() == "/svc/1.1/GET/web/a/b"
    assert identify(_request(b"/", [(b"host", b"web")])).show() == "/svc/1.1/GET/web"


def test_a_static_name_is_the_same_for_every_request() -> None:
    identify = identifiers.static(StaticConfig(Path.read("/foo")), PREFIX)

    assert identify(_request()).show() == "/svc/foo"
