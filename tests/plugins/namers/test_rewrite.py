"""The io.l5d.rewrite namer."""

import pytest

from mesh import NEG, ConfigError, Leaf, Life, Looked, Path
from mesh_plugins.namers.config import RewriteConfig
from mesh_plugins.namers.rewrite import RewriteNamer


def namer(pattern: str, name: str) -> RewriteNamer:
    return RewriteNamer(RewriteConfig(pattern, name), Path.read("/#/r"), Life(None))


@pytest.mark.parametrize(
    ("pattern", "name", "path", "expected"),
    [
        ("/one/two", "/success", "/one/two/three", Leaf(Path.read("/success"))),
        ("/one/*/three", "/success", "/one/two/three", Leaf(Path.read("/success"))),
        ("/one/*/four", "/success", "/one/two/three", NEG),
        ("/{foo}/*/three", "/success/{foo}", "/one/two/three", Leaf(Path.read("/success/one"))),
        ("/{foo}/*/four", "/success/{foo}", "/one/two/three", NEG),
        ("/{p}/{ns}/{svc}", "/k8s/{ns}/{p}/{svc}", "/http/default/web", Leaf(Path.read("/k8s/default/http/web"))),
        ("/{a}.{b}", "/{b}-{a}", "/x.y", Leaf(Path.read("/y-x"))),
        ("/{a}.com", "/{a}/x", "/.com", NEG),
        ("/{a}", "/{a}", r"/\x2f", Leaf(Path.read(r"/\x2f"))),
        ("/one", "/success", "/", NEG),
    ],
)
def test_a_name_that_matches_is_replaced_as_a_whole(pattern: str, name: str, path: str, expected: Looked) -> None:
    assert namer(pattern, name).lookup(Path.read(path)).value == expected


@pytest.mark.parametrize(
    ("pattern", "name", "key"),
    [
        ("/{", "/success", "pattern"),
        ("/a//b", "/success", "pattern"),
        ("/{a}", "success", "name"),
        ("/{a}", "/{a}/", "name"),
        ("/{a}", "/{b}", "name"),
    ],
)
def test_what_cannot_work_is_refused_when_the_stack_file_is_read(pattern: str, name: str, key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        namer(pattern, name)

    assert [problem.key for problem in refused.value.problems] == [key]
