from tests.bench.rounds import order


def test_every_round_begins_with_the_next_peer() -> None:
    firsts = [order(number, ["wrk"], ["linker", "envoy", "haproxy"])[0][1] for number in range(4)]

    assert firsts == ["linker", "envoy", "haproxy", "linker"]


def test_peers_are_measured_side_by_side() -> None:
    actual = order(0, ["wrk", "start"], ["linker", "envoy"])

    assert actual == [("wrk", "linker"), ("wrk", "envoy"), ("start", "linker"), ("start", "envoy")]


def test_a_measurement_leaves_out_peers_that_it_makes_no_sense_for() -> None:
    actual = order(0, ["filters"], ["linker", "envoy"])

    assert actual == [("filters", "linker")]
