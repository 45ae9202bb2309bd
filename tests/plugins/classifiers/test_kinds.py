"""The classifiers by the names that a stack file uses."""

import pytest

from mesh import HttpReply, HttpRequest, Kind, Outcome, load
from mesh_plugins.classifiers.kinds import KINDS

EXPECTED = {
    "io.l5d.http.nonRetryable5XX": set[bytes](),
    "io.l5d.http.retryableRead5XX": {b"GET"},
    "io.l5d.http.retryableIdempotent5XX": {b"GET", b"PUT"},
    "io.l5d.http.retryableAll5XX": {b"GET", b"PUT", b"POST"},
    "io.l5d.http.allSuccessful": set[bytes](),
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_name_stands_for_the_classifier_it_promises(kind: Kind) -> None:
    assert kind.config is not None
    classify = load(kind)(kind.config())

    retried = {
        method
        for method in (b"GET", b"PUT", b"POST")
        if classify(HttpRequest(method, b"/", []), HttpReply(500)) is Outcome.RETRYABLE
    }

    assert retried == EXPECTED[kind.name.replace(".h2.", ".http.")]
