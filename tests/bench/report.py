"""The report: medians, spreads, ratios and verdicts of all rounds, as a Markdown table."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from tests.bench.rows import ROWS, Row
from tests.bench.spread import Summary, summarise

JUDGED = "linker"


@attrs.define(eq=False)
class Results:
    """The figures of all rounds, by row and peer.

    The mutable state is the figures: `add` puts one in, nothing takes one out. A round in which a figure could not be
    had leaves a gap, so that a ratio is always one of two figures of the same round.
    """

    _figures: dict[tuple[str, str], dict[int, float]] = attrs.field(factory=dict)

    def add(self, number: int, row: str, peer: str, value: float) -> None:
        """Put in the value that `peer` reached in round `number`."""
        self._figures.setdefault((row, peer), {})[number] = value

    def samples(self, row: str, peer: str) -> list[float]:
        """Return the values of all rounds that have one."""
        return list(self._figures.get((row, peer), {}).values())

    def ratios(self, row: str, peer: str, against: str) -> list[float]:
        """Return, for each round that has both, the value of `peer` over that of `against`."""
        measures = self._figures.get((row, against), {})
        values = self._figures.get((row, peer), {})
        return [value / measures[number] for number, value in values.items() if measures.get(number)]


def table(results: Results, peers: Iterable[str], rows: Iterable[Row] = ROWS) -> str:
    """Return the Markdown table of all rows that have a sample: medians, in parentheses the smallest and the largest."""
    shown = list(peers)
    against = JUDGED in shown
    heads = ["", *shown, *(["ratio"] if against else []), "bar", "goal", *(["verdict"] if against else [])]
    lines = [_line(heads), _line(["---", *["--:"] * (len(heads) - 1)])]
    for row in rows:
        summaries = [summarise(results.samples(row.key, peer)) for peer in shown]
        if not any(summaries):
            continue
        cells = [f"{row.what}, {row.unit}", *(_show(summary, row.digits) for summary in summaries)]
        limits = [row.limit(row.bar), row.limit(row.goal)]
        if against:
            ratio = summarise(results.ratios(row.key, JUDGED, row.against)) if row.against else None
            judged = ratio if row.against else summarise(results.samples(row.key, JUDGED))
            cells += [_show(ratio, 2), *limits, _verdict(row, judged)]
        else:
            cells += limits
        lines.append(_line(cells))
    return "\n".join(lines)


def insert(document: str, text: str, name: str) -> str:
    """Return `document` with `text` between the markers of `name` instead of what was there.

    Raises `ValueError` without them.
    """
    first, last = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, begin, rest = document.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"the document has no {first} ... {last}")
    return f"{before}{first}\n\n{text}\n\n{last}{after}"


def write(path: Path, text: str, name: str = "bench") -> None:
    """Put `text` between the markers of `name` in the file at `path`."""
    path.write_text(insert(path.read_text(), text, name))


def _verdict(row: Row, judged: Summary | None) -> str:
    if row.bar is None:
        return ""
    return row.judge(judged.median) if judged else "not measured"


def _show(summary: Summary | None, digits: int) -> str:
    if summary is None:
        return "-"
    return f"{summary.median:,.{digits}f} ({summary.low:,.{digits}f}-{summary.high:,.{digits}f})"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
