"""Whether a peer lives."""

import math

from mesh import Metrics
from mesh_plugins.mux.detector import Detection, Detector, detection
from tests.plugins.rest import numbers


def test_a_peer_is_asked_at_once_and_then_now_and_then() -> None:
    detector = Detector(Detection(5.0, 4.0), 100.0)

    asked = []
    for now in (100.0, 101.0, 104.9, 105.0, 109.0):
        asked.append(detector.asks(now))
        detector.answered(now)

    assert asked == [True, False, False, True, False]


def test_one_question_is_asked_at_a_time() -> None:
    detector = Detector(Detection(1.0, 4.0), 0.0)

    assert [detector.asks(now) for now in (0.0, 1.0, 2.0)] == [True, False, False]


def test_a_peer_that_does_not_answer_in_time_is_dead() -> None:
    found = Detection(5.0, 4.0)
    detector = Detector(found, 0.0)
    detector.asks(0.0)

    assert [detector.finds_dead(now) for now in (1.0, 3.9, 4.0)] == [False, False, True]
    assert found.closes.value == 1


def test_a_peer_that_is_saying_something_long_has_longer() -> None:
    detector = Detector(Detection(5.0, 4.0), 0.0)
    detector.asks(0.0)

    detector.postpone(3.0)

    assert [detector.finds_dead(4.0), detector.finds_dead(7.0)] == [False, True]


def test_an_answer_to_nothing_means_nothing() -> None:
    detector = Detector(Detection(5.0, 4.0), 0.0)

    detector.answered(1.0)

    assert detector.asks(1.0)


def test_without_a_period_nobody_is_asked() -> None:
    detector = Detector(Detection(math.inf, 4.0), 0.0)

    assert (detector.asks(1e9), detector.due) == (False, math.inf)


def test_questions_and_latencies_are_counted() -> None:
    metrics = Metrics()
    detector = Detector(detection(5.0, 4.0, metrics), 0.0)

    detector.asks(0.0)
    detector.answered(0.5)

    shown = numbers(metrics)
    assert shown["mux/failuredetector/ping"] == 1
    assert shown["mux/failuredetector/ping_latency_us.count"] == 1
