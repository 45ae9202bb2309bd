import pathlib

import attrs
import pytest
import yaml

from tests.bench.backend import render
from tests.bench.costs import batch, built
from tests.bench.features import OFF, ON, PRODUCTION, Feature


@pytest.mark.parametrize("feature", [*ON, PRODUCTION, *OFF], ids=lambda feature: feature.what)
async def test_a_feature_lets_requests_pass(feature: Feature, tmp_path: pathlib.Path) -> None:
    router = {key: str(tmp_path / value) if key == "httpAccessLog" else value for key, value in feature.router.items()}

    async with built(attrs.evolve(feature, router=router)) as service:
        actual = await batch(service, 1)

    assert actual > 0


def test_production_is_what_the_row_of_this_name_switches_on() -> None:
    written = yaml.safe_load(render("linker-production.yaml", port=4140, admin=9990))["routers"][0]

    actual = {key: written[key] for key in PRODUCTION.router}

    assert (actual, written["servers"][0]["addForwardedHeader"]) == (PRODUCTION.router, {})
