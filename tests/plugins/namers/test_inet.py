"""Names that say host and port."""

import pytest

from mesh import NEG, AddrBound, AddrFailed, BoundName, Endpoint, Failed, Leaf, Life, Looked, Path
from mesh_plugins.namers.hosts import Hosts
from mesh_plugins.namers.inet import Inet, Rinet

INET = Inet(Path.read("/$/inet"), Hosts(Life(None)))
RINET = Rinet(Path.read("/$/io.buoyant.rinet"), Hosts(Life(None)))


def bound(looked: Looked) -> BoundName:
    assert isinstance(looked, Leaf)
    assert isinstance(looked.value, BoundName)
    return looked.value


@pytest.mark.parametrize(
    ("path", "name", "residual", "endpoint"),
    [
        ("/1234", "/$/inet/1234", "/", Endpoint("127.0.0.1", 1234)),
        ("/1234/foobar", "/$/inet/1234", "/foobar", Endpoint("127.0.0.1", 1234)),
        ("/127.0.0.1/80/a/b", "/$/inet/127.0.0.1/80", "/a/b", Endpoint("127.0.0.1", 80)),
        ("/127.1/80", "/$/inet/127.1/80", "/", Endpoint("127.0.0.1", 80)),
        ("/::1/80", "/$/inet/::1/80", "/", Endpoint("::1", 80)),
        ("/localhost/80", "/$/inet/localhost/80", "/", Endpoint("127.0.0.1", 80)),
        ("/1/80", "/$/inet/1/80", "/", Endpoint("0.0.0.1", 80)),
        ("/80/x/81", "/$/inet/80", "/x/81", Endpoint("127.0.0.1", 80)),
    ],
)
def test_a_name_is_bound_at_once_and_the_rest_is_residual(
    path: str, name: str, residual: str, endpoint: Endpoint
) -> None:
    found = bound(INET.lookup(Path.read(path)).value)

    assert found == BoundName(Path.read(name), Path.read(residual), found.addr)
    assert found.addr.value == AddrBound((endpoint,))


@pytest.mark.parametrize(("path", "port"), [("/65536", 65536), ("/127.0.0.1/65536", 65536), ("/web.test/-1", -1)])
def test_a_port_out_of_range_is_bound_and_fails(path: str, port: int) -> None:
    found = bound(INET.lookup(Path.read(path)).value)

    assert found.addr.value == AddrFailed(f"port out of range:{port}")


@pytest.mark.parametrize("path", ["/", "/web.test", "/web.test/http", "/web.test/99999999999", "/web.test/8_0"])
def test_a_name_without_a_port_is_an_unknown_namer_as_in_finagle(path: str) -> None:
    answer = INET.lookup(Path.read(path)).value

    assert answer == Failed(f"Unknown namer: inet for path: {Path.read('/$/inet') + Path.read(path)}")


def test_a_name_that_is_no_text_is_negative() -> None:
    paths = [Path((b"\xff", b"80")), Path((b"\xff",))]

    assert [INET.lookup(path).value for path in paths] == [NEG, NEG]
    assert [RINET.lookup(path[::-1]).value for path in paths] == [NEG, NEG]


def test_rinet_has_the_port_before_the_host() -> None:
    found = bound(RINET.lookup(Path.read("/12345/localhost/residual")).value)

    assert found.id == Path.read("/$/io.buoyant.rinet/12345/localhost")
    assert found.residual == Path.read("/residual")
    assert found.addr.value == AddrBound((Endpoint("127.0.0.1", 12345),))


def test_rinet_binds_a_port_that_is_none_and_fails() -> None:
    found = bound(RINET.lookup(Path.read("/http/localhost")).value)

    assert found.addr.value == AddrFailed("not a port: http")


def test_rinet_needs_both() -> None:
    assert RINET.lookup(Path.read("/12345")).value == NEG
