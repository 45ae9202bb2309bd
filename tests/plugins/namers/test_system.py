"""The namer of `/$`."""

import pytest

from mesh import FAIL, NEG, Empty, Failed, Leaf, Life, Looked, Path
from mesh_plugins.namers.system import SystemNamer, system

SYSTEM = system(None, Path.read("/$"), Life(None))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", NEG),
        ("/nil", Empty()),
        ("/nil/foo/bar", Empty()),
        ("/fail", FAIL),
        ("/fail/foo/bar", FAIL),
        ("/no.such.Namer/x", Failed("Unknown namer: no.such.Namer for path: /$/no.such.Namer/x")),
        ("/inet", Failed("Unknown namer: inet for path: /$/inet")),
        (r"/\xff/x", NEG),
        ("/io.buoyant.http.anyHost/web.test/x", Leaf(Path.read("/x"))),
        ("/io.buoyant.namer.zk.leader/h:1/x", Failed("io.buoyant.namer.zk.leader is not built yet")),
    ],
)
def test_the_first_element_decides_who_answers(path: str, expected: Looked) -> None:
    assert SYSTEM.lookup(Path.read(path)).value == expected


@pytest.mark.parametrize(
    "path", ["/$/inet/80", "/$/fixedinet/80", "/$/inet/127.0.0.1/80", "/$/io.buoyant.rinet/80/::1"]
)
def test_ids_lead_back_to_the_same_name(path: str) -> None:
    answer = SystemNamer(Path.read("/$"), Life(None)).lookup(Path.read(path)[1:]).value

    assert str(answer) == path
