"""The kinds of gRPC by the names that a stack file uses."""

import pytest

from mesh import Category, HttpRequest, Kind, Outcome, load
from mesh.testing import reply
from mesh_plugins.grpc.kinds import KINDS

RETRIED = {
    "io.l5d.h2.grpc.default": {14},
    "io.l5d.h2.grpc.compliant": {14},
    "io.l5d.h2.grpc.alwaysRetryable": {2, 10, 14},
    "io.l5d.h2.grpc.neverRetryable": set[int](),
    "io.l5d.h2.grpc.retryableStatusCodes": {10},
}
CLASSIFIERS = [kind for kind in KINDS if kind.category is Category.CLASSIFIER]


@pytest.mark.parametrize("kind", CLASSIFIERS, ids=lambda kind: kind.name)
def test_a_name_stands_for_the_classifier_it_promises(kind: Kind) -> None:
    assert kind.config is not None
    keys = {"retryable_status_codes": (10,)} if kind.name.endswith("retryableStatusCodes") else {}
    classify = load(kind)(kind.config(**keys))
    request = HttpRequest(b"POST", b"/a.B/C", [])

    retried = {
        status
        for status in (0, 2, 10, 14)
        if classify(request, reply(headers={"grpc-status": str(status)})) is Outcome.RETRYABLE
    }

    assert retried == RETRIED[kind.name]
