"""What linkerd's own tests expect of the classifiers of HTTP/2, when a stream breaks off."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mesh import Category, HttpRequest, IdleTimeout, MeshError, Outcome, load
from tests.proxies import kinds

CASES = yaml.safe_load((Path(__file__).parent / "linkerd.yaml").read_text())["cases"]
CLASSES = {"retryable_failure": Outcome.RETRYABLE, "non_retryable_failure": Outcome.FAILURE}
ENDS = {"timeout": IdleTimeout("too slow"), "error": MeshError("broken")}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_stream_that_breaks_off_is_what_linkerd_says(case: dict[str, Any]) -> None:
    given = case["given"]
    kind = kinds().get(Category.CLASSIFIER, given["classifier"]["kind"])
    assert kind is not None
    assert kind.config is not None
    request = HttpRequest(given["method"].encode(), b"/", [])

    said = load(kind)(kind.config())(request, ENDS[given["stream_end"]])

    assert said is CLASSES[case["expect"]["class"]]
