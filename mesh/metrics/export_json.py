"""The metrics as JSON, as linkerd's `/admin/metrics.json` shows them, except that a summary covers the last 60 seconds.

Source: linkerd 1.7.5, AdminMetricsExportTelemeter.scala.
"""

import json
import math
from collections.abc import Iterator

from mesh.errors import MeshError
from mesh.metrics.histogram import Histogram
from mesh.metrics.scope import Counter, Metric, Metrics

Flat = dict[str, float]
Tree = dict[str, "float | Tree"]


class NoSubtree(MeshError):
    """There is no scope and no metric of this name; the message is linkerd's."""

    detail = "no_subtree"

    def __init__(self, q: str) -> None:
        super().__init__(f"No such subtree: {q}")
        self.q = q


def flat(metrics: Metrics, q: str = "") -> Flat:
    """Return every number under its name, the parts joined by `/`; a histogram gives one number per field, `name.p99`.

    `q` is the name of a scope or metric to which the names are relative. Raises `NoSubtree` if there is none.
    A gauge that is no finite number is left out, as JSON cannot say it.
    """
    numbers: Flat = {}
    for found in _find(metrics, q):
        if isinstance(found, Metrics):
            _flatten(found, "", numbers)
        else:
            numbers.update(_fields(found, ""))
    return numbers


def tree(metrics: Metrics, q: str = "") -> Tree:
    """Return the same nested by scope; a leaf is `{"counter": n}`, `{"gauge": x}` or `{"stat.count": n, …}`.

    The name of a scope is one key even if it contains `/`. Raises `NoSubtree`.
    """
    nested: Tree = {}
    for found in _find(metrics, q):
        nested |= _nest(found) if isinstance(found, Metrics) else _leaf(found)
    return nested


def render_json(metrics: Metrics, *, pretty: bool = False, tree: bool = False, q: str = "") -> bytes:
    """Return `flat`, or `tree`, as JSON; `pretty` sorts and indents it. Raises `NoSubtree`."""
    shown = _FORMS[tree](metrics, q)
    text = json.dumps(shown, indent=2, sort_keys=True) if pretty else json.dumps(shown, separators=(",", ":"))
    return text.encode()


_FORMS = {False: flat, True: tree}


def _find(scope: Metrics, q: str) -> list[Metrics | Metric]:
    found: list[Metrics | Metric] = list(_named(scope, q)) if q else [scope]
    if not found:
        raise NoSubtree(q)
    return found


def _named(scope: Metrics, q: str) -> Iterator[Metrics | Metric]:
    """Yield what has this name. It may be both a metric and a scope, and a `/` may divide parts or belong to one."""
    if q in scope.metrics:
        yield scope.metrics[q]
    for name, below in scope.scopes.items():
        if name == q:
            yield below
        elif q.startswith(f"{name}/"):
            yield from _named(below, q[len(name) + 1 :])


def _flatten(scope: Metrics, prefix: str, numbers: Flat) -> None:
    for name, metric in scope.metrics.items():
        numbers.update(_fields(metric, prefix + name))
    for name, below in scope.scopes.items():
        _flatten(below, f"{prefix}{name}/", numbers)


def _nest(scope: Metrics) -> Tree:
    nested: Tree = {name: _leaf(metric) for name, metric in scope.metrics.items()}
    for name, below in scope.scopes.items():
        leaf = nested.get(name)
        nested[name] = {**leaf, **_nest(below)} if isinstance(leaf, dict) else _nest(below)
    return nested


def _leaf(metric: Metric) -> Tree:
    if isinstance(metric, Histogram):
        return dict(_fields(metric, "stat"))
    return dict(_fields(metric, "counter" if isinstance(metric, Counter) else "gauge"))


def _fields(metric: Metric, name: str) -> Flat:
    if isinstance(metric, Histogram):
        return {f"{name}.{field}": number for field, number in metric.window().summary().items()}
    number = metric.read()
    if number is None or not math.isfinite(number):
        return {}
    return {name: number if isinstance(metric, Counter) else float(number)}
