"""What linkerd's own tests expect of accrual kinds and back-offs, read from a stack file, case by case."""

from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from mesh import Chosen, ConfigError, load
from mesh.config import read_text
from mesh.plugins import find
from mesh_plugins.accrual.backoff import schedule
from tests.proxies import one, stacks

# A case's own shape depends on its title, so it is `Any` until the test takes it apart.
Case = Any

CASES = {case["id"]: case for case in yaml.safe_load((Path(__file__).parent / "linkerd.yaml").read_text())}


def accrual(settings: Case) -> Chosen:
    """Read the settings as those of a client. Raises `ConfigError`."""
    text = stacks(one(1, client={"failureAccrual": settings}))
    return read_text(text, file="stack.yaml", kinds=find()).stack.routers[0].client.default.failure_accrual


def test_so_many_failures_in_a_row_are_needed() -> None:
    case = CASES["failure-accrual-005"]
    chosen = accrual(case["given"]["policy"])
    policy = load(chosen.kind)(chosen.config)()

    alive = [policy.failed() is None for _time in range(case["given"]["failures_in_a_row"])]

    assert alive.index(False) == case["expect"]["alive_for_first"]
    assert not any(alive[case["expect"]["alive_for_first"] :])


@pytest.mark.parametrize("name", ["failure-accrual-006", "failure-accrual-007"])
def test_a_jittered_backoff_needs_both_its_bounds(name: str) -> None:
    backoff = {key: value for key, value in CASES[name]["given"]["backoff"].items() if value is not None}

    with pytest.raises(ConfigError):
        accrual({"kind": "io.l5d.consecutiveFailures", "failures": 1, "backoff": backoff})


def test_a_jittered_backoff_stays_inside_its_bounds_and_varies() -> None:
    case = CASES["failure-accrual-011"]
    least, most = (bound / 1e3 for bound in case["expect"]["all_between_ms"])
    chosen = accrual({"kind": "io.l5d.consecutiveFailures", "failures": 1, "backoff": case["given"]["backoff"]})

    waits = list(islice(schedule(chosen.config.backoff, Random(7))(), case["given"]["samples"]))

    assert all(least <= wait <= most for wait in waits)
    assert len(set(waits)) >= case["expect"]["distinct_at_least"]


def test_a_stack_file_may_ask_for_several_policies_at_once() -> None:
    windowed = {"kind": "io.l5d.successRateWindowed", "successRate": 0.8, "window": 30}
    policies = [windowed, {"kind": "consecutiveFailures", "failures": 5}]
    config = accrual({"kind": "anyOf", "policies": policies}).config

    assert [chosen.kind.name for chosen in config.policies] == [
        "io.l5d.successRateWindowed",
        "io.l5d.consecutiveFailures",
    ]


@pytest.mark.parametrize("rate", [-0.1, 1.1])
def test_a_success_rate_is_a_share(rate: float) -> None:
    with pytest.raises(ConfigError, match="successRate"):
        accrual({"kind": "io.l5d.successRate", "successRate": rate, "requests": 10})


def test_a_success_rate_needs_its_keys() -> None:
    with pytest.raises(ConfigError, match="requests"):
        accrual({"kind": "io.l5d.successRate", "successRate": 0.5})
