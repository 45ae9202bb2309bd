"""The cases of Finagle, from the YAML files beside this one, and what several of their tests need."""

from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path as FilePath
from random import Random
from typing import Any

import pytest
import yaml

from mesh import Status
from mesh_plugins.accrual.backoff import Schedule, constant, decorrelated_jittered, equal_jittered
from tests.conformance.finagle.java_random import JavaRandom

# A case's own shape depends on its group, so it is `Any` until the group's test takes it apart.
Case = Any

FILES = [yaml.safe_load((FilePath(__file__).parent / name).read_text()) for name in ("finagle.yaml", "neighbours.yaml")]


def cases(group: str) -> list[Case]:
    """Return what is given in each case, and what we are to answer."""
    published = [case for groups in FILES for case in groups.get(group, ())]
    return [pytest.param(case["given"], case.get("here", case["expect"]), id=case["id"]) for case in published]


def schedule_of(spec: Case) -> Schedule:
    """Return the schedule, in seconds, that a case describes in milliseconds."""
    match spec:
        case ["const", ms]:
            return lambda: constant(ms / 1e3)
        case ["linear", start, step]:
            return lambda: (ms / 1e3 for ms in count(start, step))
        case ["equal", start, longest, seed]:
            return jittered(equal_jittered, start, longest, seed)
        case ["decor", start, longest, seed]:
            return jittered(decorrelated_jittered, start, longest, seed)
        case ["take", inner, size]:
            whole = schedule_of(inner)
            return lambda: islice(whole(), size)
    raise AssertionError(f"a back-off of unknown form: {spec!r}")


def jittered(
    wait: Callable[[float, float, Random], Iterator[float]], start: float, longest: float, seed: int
) -> Schedule:
    source = JavaRandom(seed)  # shared by all that begin the schedule anew, so never rewound
    return lambda: wait(start / 1e3, longest / 1e3, source)


STATUSES = {Status.OPEN: "Open", Status.BUSY: "Busy", Status.CLOSED: "Closed"}
