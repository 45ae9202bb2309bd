"""The metrics in Prometheus' text format, version 0.0.4: linkerd's names and labels, with types and real histograms.

The parts of a name are joined by `:`. The values of labelled scopes become labels; what follows `failures` or `exn` becomes the
label `exception`, its parts joined by `:`. Counters and histograms only ever grow, until their scope is removed.
Source: linkerd 1.7.5, PrometheusTelemeter.scala; prometheus.io, Exposition formats.
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache

import attrs

from mesh.metrics.histogram import Histogram
from mesh.metrics.scope import Counter, Metric, Metrics

PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Powers of two, which are bounds of our buckets, so that every count is exact. Each histogram of a name has the same
# bounds, or Prometheus could not add them up: 0.25 ms to 65 s by 2 for milliseconds, 1 to 4.3e9 by 4 for all else.
MILLISECOND_BOUNDS = [(octave, str(2.0**octave)) for octave in range(-2, 17)]
OTHER_BOUNDS = [(octave, str(2.0**octave)) for octave in range(0, 33, 2)]

EXCEPTIONS = {"failures": "failures", "exn": "exceptions"}  # the scope, and what it is called here

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_:]")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@attrs.frozen
class _Family:
    """All samples of one name: they must stand together, under one type."""

    type: str
    lines: list[str] = attrs.field(factory=list)


def render_prometheus(metrics: Metrics, prefix: str = "") -> bytes:
    """Return all metrics, by name; every name begins with `prefix`. Histograms without values are left out."""
    families: dict[str, _Family] = {}
    _collect(metrics, prefix, {}, families)
    lines: list[str] = []
    for name in sorted(families):
        lines += (f"# TYPE {name} {families[name].type}", *families[name].lines)
    return "".join(f"{line}\n" for line in lines).encode()


def _collect(scope: Metrics, prefix: str, labels: Mapping[str, str], families: dict[str, _Family]) -> None:
    """Show a scope and what is below it; `prefix` is what its names begin with, the last `:` included."""
    shown = _shown(labels)
    for name, metric in scope.metrics.items():
        _show(metric, prefix + name, shown, families)
    for name, below in scope.scopes.items():
        if below.label and below.label not in labels:
            _collect(below, prefix, {**labels, below.label: name}, families)
        elif name in EXCEPTIONS:
            _collect_exceptions(below, prefix + EXCEPTIONS[name], labels, "", families)
        else:
            _collect(below, f"{prefix}{name}:", labels, families)


def _collect_exceptions(
    scope: Metrics, name: str, labels: Mapping[str, str], above: str, families: dict[str, _Family]
) -> None:
    """Show metrics that all have one name and differ in the label `exception`, which begins with `above`."""
    for exception, metric in scope.metrics.items():
        _show(metric, name, _shown({**labels, "exception": above + exception}), families)
    for exception, below in scope.scopes.items():
        _collect_exceptions(below, name, labels, f"{above}{exception}:", families)


def _show(metric: Metric, name: str, labels: str, families: dict[str, _Family]) -> None:
    name = _sanitised(name)
    if isinstance(metric, Histogram):
        octaves = metric.octaves()
        if octaves:
            family, name = _family(name, "histogram", families)
            family.lines.extend(_histogram_lines(name, labels, octaves, metric.sum))
        return
    number = metric.read()
    if number is not None:
        family, name = _family(name, "counter" if isinstance(metric, Counter) else "gauge", families)
        family.lines.append(f"{name}{_braced(labels)} {_number(number)}")


def _family(name: str, kind: str, families: dict[str, _Family]) -> tuple[_Family, str]:
    """Return the family of this name and type, and its name: that of the type is appended if another has the name."""
    family = families.get(name)
    if family is None:
        family = families[name] = _Family(kind)
    if family.type == kind:
        return family, name
    return _family(f"{name}_{kind}", kind, families)


def _histogram_lines(name: str, labels: str, octaves: Mapping[int, int], total: float) -> list[str]:
    begin = f'{name}_bucket{{{labels}, le="' if labels else f'{name}_bucket{{le="'
    ascending = sorted(octaves.items(), reverse=True)
    reached = 0
    lines = []
    for octave, bound in MILLISECOND_BOUNDS if name.endswith("_ms") else OTHER_BOUNDS:
        while ascending and ascending[-1][0] <= octave:
            reached += ascending.pop()[1]
        lines.append(f'{begin}{bound}"}} {reached}')
    count = reached + sum(beyond for _octave, beyond in ascending)
    labels = _braced(labels)
    return [*lines, f'{begin}+Inf"}} {count}', f"{name}_sum{labels} {_number(total)}", f"{name}_count{labels} {count}"]


def _shown(labels: Mapping[str, str]) -> str:
    return ", ".join(f'{_label_name(name)}="{value.translate(_ESCAPES)}"' for name, value in labels.items())


def _braced(labels: str) -> str:
    return f"{{{labels}}}" if labels else ""


def _number(number: float) -> str:
    if isinstance(number, int) or math.isfinite(number):
        return str(number)
    return "NaN" if math.isnan(number) else "+Inf" if number > 0 else "-Inf"


@lru_cache(maxsize=10_000)
def _sanitised(name: str) -> str:
    name = _NOT_IN_NAMES.sub("_", name)
    return f"_{name}" if name[:1].isdigit() else name


def _label_name(name: str) -> str:
    return _sanitised(name).replace(":", "_")
