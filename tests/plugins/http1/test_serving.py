"""Why connections end."""

import pytest

from mesh_plugins.http1.serving import Serving


@pytest.mark.parametrize(
    ("now", "counted"),
    [(9.0, (0, 0)), (10.0, (1, 0)), (20.0, (0, 1))],
    ids=["neither", "idle", "too old"],
)
def test_an_end_is_counted_by_its_reason(now: float, counted: tuple[int, int]) -> None:
    serving = Serving()

    serving.count_end(now, idle_until=10.0, expires=20.0)

    assert (serving.idle.value, serving.lifetime.value) == counted
