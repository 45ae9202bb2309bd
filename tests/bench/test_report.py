import pytest

from tests.bench.report import Results, insert, table
from tests.bench.rows import Row

RATE = Row("wrk", "requests", "1/s", 0.9, 1.2, against="envoy", more_is_better=True, digits=0)
MEMORY = Row("idle", "memory", "MiB", 60, 45)
READ_ONLY = Row("p50", "p50", "ms")


def filled(row: str, **figures: list[float]) -> Results:
    results = Results()
    for peer, values in figures.items():
        for number, value in enumerate(values):
            results.add(number, row, peer, value)
    return results


def test_a_ratio_is_one_of_the_same_round() -> None:
    results = filled("wrk", linker=[10.0, 30.0], envoy=[10.0, 15.0])

    actual = results.ratios("wrk", "linker", "envoy")

    assert actual == [1.0, 2.0]


def test_a_round_that_one_of_the_two_missed_has_no_ratio() -> None:
    results = filled("wrk", linker=[10.0, 30.0])
    results.add(1, "wrk", "envoy", 15.0)

    actual = results.ratios("wrk", "linker", "envoy")

    assert actual == [2.0]


def test_a_row_against_envoy_is_judged_by_the_median_of_the_ratios() -> None:
    results = filled("wrk", linker=[900.0, 1000.0, 1300.0], envoy=[1000.0, 1000.0, 1000.0])

    actual = table(results, ["linker", "envoy"], [RATE]).splitlines()[-1]

    assert actual == (
        "| requests, 1/s | 1,000 (900-1,300) | 1,000 (1,000-1,000) | 1.00 (0.90-1.30) | ≥ 0.9 x | ≥ 1.2 x | bar |"
    )


def test_a_row_with_limits_of_its_own_is_judged_by_the_median() -> None:
    actual = table(filled("idle", linker=[44.0], envoy=[64.0]), ["linker", "envoy"], [MEMORY]).splitlines()[-1]

    assert actual == "| memory, MiB | 44.0 (44.0-44.0) | 64.0 (64.0-64.0) | - | ≤ 60 MiB | ≤ 45 MiB | goal |"


def test_a_row_without_limits_has_no_verdict() -> None:
    actual = table(filled("p50", linker=[1.0]), ["linker"], [READ_ONLY]).splitlines()[-1]

    assert actual == "| p50, ms | 1.0 (1.0-1.0) | - | - | - |  |"


def test_without_a_figure_of_linker_nothing_is_judged() -> None:
    actual = table(filled("wrk", envoy=[1000.0]), ["linker", "envoy"], [RATE]).splitlines()[-1]

    assert actual == "| requests, 1/s | - | 1,000 (1,000-1,000) | - | ≥ 0.9 x | ≥ 1.2 x | not measured |"


def test_a_run_without_linker_has_no_column_for_verdicts() -> None:
    actual = table(filled("wrk", envoy=[1000.0]), ["envoy"], [RATE])

    assert actual.splitlines() == [
        "|  | envoy | bar | goal |",
        "| --- | --: | --: | --: |",
        "| requests, 1/s | 1,000 (1,000-1,000) | ≥ 0.9 x | ≥ 1.2 x |",
    ]


def test_a_row_that_nobody_measured_is_left_out() -> None:
    actual = table(filled("wrk", envoy=[1000.0]), ["envoy"], [MEMORY])

    assert len(actual.splitlines()) == 2


def test_the_table_replaces_what_stood_between_the_markers() -> None:
    begin, end = "<!-- bench:begin -->", "<!-- bench:end -->"
    document = f"# Speed\n\n{begin}\n\nnot measured yet\n\n{end}\n\nMore.\n"

    actual = insert(document, "| table |", "bench")

    assert actual == f"# Speed\n\n{begin}\n\n| table |\n\n{end}\n\nMore.\n"


def test_a_document_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="bench:begin"):
        insert("# Speed\n", "| table |", "bench")
