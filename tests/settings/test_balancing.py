"""What every kind of balancer can be told."""

import attrs
import pytest

from mesh.config import read_text
from mesh.plugins import find
from mesh.settings import BalancerSettings, LocalitySettings, SlowStartSettings


def balancer_of(keys: str) -> BalancerSettings:
    text = f"routers:\n- protocol: http\n  servers: [{{port: 0}}]\n  client: {{loadBalancer: {keys}}}\n"
    return read_text(text, file="stack.yaml", kinds=find()).stack.routers[0].client.default.load_balancer


def test_a_file_says_how_endpoints_start() -> None:
    settings = balancer_of("{slowStart: {windowMs: 30000, aggression: 2, minWeightPercent: 5}}")

    assert settings.slow_start == SlowStartSettings(window_ms=30000, aggression=2.0, min_weight_percent=5.0)


def test_a_file_says_what_is_near() -> None:
    settings = balancer_of(
        "{kind: ewma, locality: {zone: a, region: eu, failover: [us], overprovisioningPercent: 200}}"
    )

    expected = LocalitySettings(zone="a", region="eu", failover=("us",), overprovisioning_percent=200.0)
    assert settings.locality == expected


def test_without_keys_there_is_neither() -> None:
    settings = balancer_of("{}")

    assert (settings.slow_start, settings.locality, settings.panic_threshold_percent) == (None, None, None)


def test_a_share_that_never_grows_is_refused() -> None:
    with pytest.raises(ValueError, match="`aggression` must be above 0"):
        SlowStartSettings(window_ms=1, aggression=0.0)


def test_the_stack_file_has_more_to_say_than_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINKER_ZONE", "b")
    monkeypatch.setenv("LINKER_REGION", "us")

    settings = LocalitySettings(zone="a")

    assert (settings.own_zone, settings.own_region) == ("a", "us")
    assert list(settings.config_warnings()) == []


def test_it_is_warned_of_if_nobody_says_where_this_process_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LINKER_ZONE", raising=False)
    monkeypatch.delenv("LINKER_REGION", raising=False)

    (warning,) = LocalitySettings().config_warnings()

    assert warning[0] == "zone"


def test_it_is_warned_of_a_slow_start_of_endpoints_that_requests_decide_on() -> None:
    hashed = balancer_of("{kind: ringHash, useSourceIp: true, slowStart: {windowMs: 1}}")
    balanced = attrs.evolve(balancer_of("{kind: p2c, slowStart: {windowMs: 1}}"))

    assert [name for name, _text in hashed.config_warnings()] == ["slow_start"]
    assert list(balanced.config_warnings()) == []
