"""Which name of a union a request goes to."""

from collections import Counter

import pytest

from mesh import (
    Life,
    Union,
    Weighted,
)
from mesh.testing import request
from tests.plugins.bindings import Bench, leaf, union


async def test_names_of_a_union_are_drawn_by_weight(life: Life) -> None:
    bench = Bench(life)
    bench.bind(union(a=3.0, b=1.0))
    built = bench.build()

    for _number in range(1000):
        await built(request())

    assert Counter(bench.asked)["/#/a"] == pytest.approx(750, abs=50)


async def test_a_union_inside_a_union_shares_its_weight(life: Life) -> None:
    bench = Bench(life)
    bench.bind(Union((Weighted(1.0, leaf("/#/a")), Weighted(1.0, union(b=9.0, c=1.0)))))
    built = bench.build()

    for _number in range(1000):
        await built(request())

    shares = Counter(bench.asked)
    assert [shares[f"/#/{id_}"] for id_ in "abc"] == pytest.approx([500, 450, 50], abs=50)


async def test_where_every_weight_is_zero_all_names_are_alike(life: Life) -> None:
    bench = Bench(life)
    bench.bind(Union((Weighted(1.0, leaf("/#/a")), Weighted(1.0, union(b=0.0, c=0.0)))))
    built = bench.build()

    for _number in range(1000):
        await built(request())

    shares = Counter(bench.asked)
    assert [shares[f"/#/{id_}"] for id_ in "abc"] == pytest.approx([500, 250, 250], abs=50)


async def test_each_attempt_draws_anew(life: Life) -> None:
    bench = Bench(life)
    bench.bind(union(a=1.0, b=1.0))
    built, asked = bench.build(), request()

    for _attempt in range(20):
        await built(asked)

    assert set(bench.asked) == {"/#/a", "/#/b"}
