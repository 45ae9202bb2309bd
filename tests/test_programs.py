from collections.abc import Callable

import pytest

from tests import programs


@pytest.fixture
def without_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nothing is installed."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(programs, "DAEMONS", "")


def test_a_program_that_is_there_is_found(require: Callable[[str], str]) -> None:
    assert require("curl").endswith("/curl")


@pytest.mark.usefixtures("without_programs")
def test_a_missing_program_skips_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception) as raised:
        programs.find("nginx")

    assert str(raised.value) == "nginx is not installed; on Debian: apt-get install nginx-light"


@pytest.mark.usefixtures("without_programs")
def test_a_missing_program_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="apt-get install nginx-light"):
        programs.find("nginx")


def test_a_program_that_ci_would_not_install_fails_everywhere() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"not listed in \.ci/packages"):
        programs.find("telnet")


def test_a_program_beside_the_interpreter_is_found() -> None:
    assert programs.find_script("pytest", "pytest").endswith("/pytest")


@pytest.mark.usefixtures("without_programs")
def test_a_missing_script_skips_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="pip install envoy-of-nowhere"):
        programs.find_script("no-envoy", "envoy-of-nowhere")
