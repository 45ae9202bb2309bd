"""The rewriting names of linkerd."""

import pytest

from mesh import NEG, Leaf, Path
from mesh_plugins.namers.rewriting import REWRITES, Rewriting


def rewritten(name: str, path: str) -> str | None:
    answer = Rewriting(REWRITES[f"io.buoyant.{name}"]).lookup(Path.read(path)).value
    if answer == NEG:
        return None
    assert isinstance(answer, Leaf)
    return str(answer)


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("hostportPfx", "/ia/127.1:8080/etc", "/ia/127.1/8080/etc"),
        ("hostportPfx", "/ia/google.com:http/etc", "/ia/google.com/http/etc"),
        ("hostportPfx", "/ia/google.com:8180:abcdef/etc", None),
        ("hostportPfx", "/ia/google.com/etc", None),
        ("hostportPfx", "/ia/google.com:/etc", None),
        ("hostportPfx", "/ia/:80/etc", None),
        ("hostportPfx", "/ia/google.com:" + "a" * 63, "/ia/google.com/" + "a" * 63),
        ("hostportPfx", "/ia/google.com:" + "a" * 64, None),
        ("hostportPfx", "/ia/google.com:HTTP", None),
        ("hostportPfx", "/ia", None),
        ("porthostPfx", "/ia/127.1:8080/etc", "/ia/8080/127.1/etc"),
        ("porthostPfx", "/ia/127.1:http", "/ia/http/127.1"),
        ("porthostPfx", "/ia/127.1", None),
        ("http.anyMethod", "/GET/foo/bar", "/foo/bar"),
        ("http.anyMethod", "/GET", "/"),
        ("http.anyMethod", "/get/foo", None),
        ("http.anyMethod", "/A.B/foo", None),
        ("http.anyMethodPfx", "/foo/GET/bar", "/foo/bar"),
        ("http.anyMethodPfx", "/foo/A.B/bar", None),
        ("http.anyMethodPfx", "/foo", None),
        ("http.anyHost", "/a.b/foo", "/foo"),
        ("http.anyHost", "/a%b/foo", None),
        ("http.anyHost", "/[::1]/foo".replace("[", r"\x5b").replace("]", r"\x5d"), None),
        ("http.anyHostPfx", "/foo/a.b:80/bar", "/foo/bar"),
        ("http.anyHostPfx", "/foo/a%b/bar", None),
        ("http.subdomainOf", "/a.b/foo.a.b/bar", "/foo/bar"),
        ("http.subdomainOf", "/a.b/foo.bar.a.b/bar", "/foo.bar/bar"),
        ("http.subdomainOf", "/a.b/a.b/bar", None),
        ("http.subdomainOf", "/a.b/.a.b/bar", None),
        ("http.subdomainOf", "/a.b/fooa.b/bar", None),
        ("http.subdomainOf", "/a.b/foo.c/bar", None),
        ("http.subdomainOf", "/a%b/foo.a%b", None),
        ("http.subdomainOf", "/a.b", None),
        ("http.subdomainOfPfx", "/a.b/foo/bar.a.b/bah", "/foo/bar/bah"),
        ("http.subdomainOfPfx", "/a.b/foo/bar-suffix.a.b/bah", "/foo/bar-suffix/bah"),
        ("http.subdomainOfPfx", "/a.b/foo/bar_suffix.a.b/bah", "/foo/bar_suffix/bah"),
        ("http.subdomainOfPfx", "/a.b/foo/bar.a.b:9090/bah", "/foo/bar/bah"),
        ("http.subdomainOfPfx", "/a.b/foo", None),
        ("http.domainToPath", "/foo.buoyant.io", "/io/buoyant/foo"),
        ("http.domainToPath", "/foo.buoyant.io./rest", "/io/buoyant/foo/rest"),
        ("http.domainToPath", "/foo", "/foo"),
        ("http.domainToPath", "/foo..io", None),
        ("http.domainToPath", "/.", None),
        ("http.domainToPath", "/foo%io", None),
        ("http.domainToPathPfx", "/pfx/foo.buoyant.io/rest", "/pfx/io/buoyant/foo/rest"),
        ("http.domainToPathPfx", "/pfx", None),
    ],
)
def test_a_name_that_fits_is_rewritten_and_another_is_negative(name: str, path: str, expected: str | None) -> None:
    assert rewritten(name, path) == expected


@pytest.mark.parametrize("name", REWRITES)
def test_a_name_without_elements_is_negative(name: str) -> None:
    assert rewritten(name.removeprefix("io.buoyant."), "/") is None


@pytest.mark.parametrize("name", REWRITES)
def test_bytes_that_are_no_text_never_fit(name: str) -> None:
    answer = Rewriting(REWRITES[name]).lookup(Path((b"\xff", b"\xff", b"\xff"))).value

    assert answer == NEG
