"""Requests that bring an override of the dtab."""

import pytest
import trio
import trio.testing

from mesh import (
    NEG,
    Dtab,
    Life,
    Unroutable,
)
from mesh.testing import request
from mesh_plugins.router import CacheSizes
from tests.plugins.bindings import OVERRIDE, Bench, leaf, overridden
from tests.plugins.rest import streamed


async def test_an_override_has_a_binding_of_its_own(life: Life) -> None:
    bench = Bench(life)
    bench.bind(leaf("/#/web"))
    bench.bind(leaf("/#/shop"), OVERRIDE)
    built = bench.build()

    for asked in (request(), overridden(), request(), overridden()):
        await built(asked)

    assert bench.asked == ["/#/web", "/#/shop", "/#/web", "/#/shop"]
    assert bench.built == ["/#/web", "/#/shop"]


async def test_an_unroutable_override_is_shown(life: Life) -> None:
    bench = Bench(life)
    bench.bind(NEG, OVERRIDE)

    with pytest.raises(Unroutable, match="override dtab: /svc/web=>/svc/shop"):
        await bench.build()(overridden())


async def test_an_override_that_nobody_uses_any_more_is_let_go(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life, CacheSizes(idle_seconds=60.0))
    bench.bind(leaf("/#/shop"), OVERRIDE)
    await bench.build()(overridden())
    assert bench.is_watched(OVERRIDE)

    await trio.sleep(100.0)

    assert not bench.is_watched(OVERRIDE)
    assert bench.is_watched()


async def test_an_override_too_many_is_bound_for_one_reply(life: Life) -> None:
    bench = Bench(life, CacheSizes(trees=1))
    other = Dtab.read("/svc/web => /svc/other")
    bench.bind(leaf("/#/shop"), OVERRIDE)
    bench.bind(leaf("/#/other"), other)
    bench.rest.answer = lambda _request: streamed()
    built, asked = bench.build(), request()
    asked.context.local_dtab = other
    await built(overridden())

    reply = await built(asked)

    assert bench.is_watched(other)
    await reply.aclose()
    assert not bench.is_watched(other)
