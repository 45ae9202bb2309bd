"""Which pairs of logical and bound names are counted, and for how long."""

from mesh import OTHER, Metrics, Path
from mesh_plugins.filters.matrix import Matrix, Pairs

WEB, SHOP = Path.read("/svc/web"), Path.read("/svc/shop")


def shown(metrics: Metrics) -> list[str]:
    return sorted(metrics.scope("service").scopes)


def test_a_logical_name_with_a_stack_of_its_own_has_a_pair_of_its_own() -> None:
    metrics, matrix = Metrics(), Matrix()
    pairs = Pairs(metrics, matrix)
    matrix.begin(WEB)

    pair = pairs.get(WEB)

    assert (pairs.find(WEB), pairs.get(WEB)) == (pair, pair)
    assert shown(metrics) == ["svc/web"]


def test_logical_names_without_a_stack_of_their_own_share_a_pair() -> None:
    metrics = Metrics()
    pairs = Pairs(metrics, Matrix())

    assert pairs.get(WEB) is pairs.get(SHOP)
    assert pairs.find(WEB) is None
    assert shown(metrics) == [OTHER]


def test_logical_names_beyond_the_bound_on_metrics_share_a_pair() -> None:
    metrics, matrix = Metrics(max_labelled=1), Matrix()
    pairs = Pairs(metrics, matrix)
    names = [Path.utf8("svc", str(number)) for number in range(3)]
    for name in names:
        matrix.begin(name)

    own, first, second = (pairs.get(name) for name in names)

    assert own is not first
    assert first is second
    assert shown(metrics) == ["other", "svc/0"]


def test_the_pairs_of_a_logical_name_go_with_its_path_stack() -> None:
    matrix = Matrix()
    clients = [Metrics(), Metrics()]
    for name in (WEB, SHOP):
        matrix.begin(name)
    for metrics in clients:
        pairs = Pairs(metrics, matrix)
        for name in (WEB, SHOP):
            pairs.get(name)

    matrix.end(WEB)

    assert [shown(metrics) for metrics in clients] == [["svc/shop"]] * 2
    assert WEB not in matrix


def test_a_logical_name_that_comes_back_begins_at_zero() -> None:
    matrix = Matrix()
    pairs = Pairs(Metrics(), matrix)
    matrix.begin(WEB)
    pairs.get(WEB).requests.value += 1
    matrix.end(WEB)

    matrix.begin(WEB)

    assert pairs.get(WEB).requests.value == 0


def test_the_pairs_of_a_bound_name_go_with_its_client_stack() -> None:
    metrics, matrix = Metrics(), Matrix()
    pairs = Pairs(metrics, matrix)
    matrix.begin(WEB)
    pairs.get(WEB)

    pairs.close()
    matrix.end(WEB)

    assert shown(metrics) == []


def test_a_client_stack_that_has_ended_is_told_no_more() -> None:
    matrix = Matrix()
    pairs = Pairs(Metrics(), matrix)
    matrix.begin(WEB)
    pairs.close()
    late = pairs.get(WEB)

    matrix.end(WEB)

    assert pairs.find(WEB) is late


def test_a_pair_stays_as_long_as_another_router_holds_it() -> None:
    metrics, old, new = Metrics(), Matrix(), Matrix()
    for matrix in (old, new):
        matrix.begin(WEB)
        Pairs(metrics, matrix).get(WEB)

    old.end(WEB)

    assert shown(metrics) == ["svc/web"]


def test_pairs_outlive_a_router_whose_place_another_takes_as_long_as_that_one_knows_their_names() -> None:
    metrics, before, now = Metrics(), Matrix(), Matrix()
    pairs = Pairs(metrics, before)
    for name in (WEB, SHOP):
        before.begin(name)
        pairs.get(name)

    now.join(before)
    now.begin(WEB)
    before.end(WEB)
    before.end(SHOP)
    kept = shown(metrics)
    now.end(WEB)

    assert (kept, shown(metrics)) == (["svc/web"], [])


def test_a_client_of_a_router_two_reloads_ago_is_forgotten_when_it_ends() -> None:
    matrices = [Matrix() for _reload in range(3)]
    pairs = Pairs(Metrics(), matrices[0])
    matrices[1].join(matrices[0])
    matrices[2].join(matrices[1])

    pairs.close()

    assert [len(matrix._clients) for matrix in matrices] == [0, 0, 0]
