"""Every fault of the catalogue, for a short time, under load: no request fails while a healthy endpoint lives."""

import pytest

from tests.faults.catalogue import FAULTS, Fault
from tests.faults.experiment import Phases, experiment

pytestmark = pytest.mark.slow

SHORT = Phases(rate=100, before=1.0, during=2.5, after=1.0)
MOST_BYTES = 16 << 20


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_no_request_fails(fault: Fault) -> None:
    cost = experiment(fault, SHORT)

    assert cost.requests > 0
    assert cost.failed == 0
    assert cost.broken == 0 or fault.may_break
    assert cost.grown < MOST_BYTES
