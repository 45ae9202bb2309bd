"""The kinds that are only planned."""

from mesh import Category
from mesh_plugins.planned import PLANNED


def test_none_of_them_is_built() -> None:
    assert [kind.name for kind in PLANNED if kind.built or kind.factory] == []


def test_each_of_them_says_what_it_will_be() -> None:
    assert [kind.name for kind in PLANNED if not kind.summary.endswith(".")] == []


def test_no_two_of_them_share_a_name() -> None:
    names = [(kind.category, name) for kind in PLANNED for name in kind.names]

    assert len(names) == len(set(names))


def test_experiments_of_linkerd_stay_experiments() -> None:
    found = {(kind.category, kind.name) for kind in PLANNED if kind.experimental}

    assert found == {
        (Category.NAMER, "io.l5d.k8s.external"),
        (Category.NAMER, "io.l5d.k8s.istio"),
        (Category.NAMER, "io.l5d.dnssrv"),
        (Category.NAMER, "io.l5d.rancher"),
        (Category.NAMER, "io.l5d.curator"),
        (Category.INTERPRETER, "io.l5d.k8s.configMap"),
        (Category.INTERPRETER, "io.l5d.namerd.http"),
        (Category.INTERPRETER, "io.l5d.k8s.istio"),
        (Category.TELEMETER, "io.l5d.statsd"),
    }
