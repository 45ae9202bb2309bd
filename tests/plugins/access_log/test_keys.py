"""The keys of an access log, for routers that are not HTTP's."""

from pathlib import Path

import pytest

from mesh import LIFE, ConfigError, Life, Params
from mesh_plugins.access_log.access_log import WRITER
from mesh_plugins.access_log.keys import AccessLogKeys, logged


def test_a_router_without_a_file_has_no_log() -> None:
    assert logged(AccessLogKeys(), Params())[WRITER] is None


def test_a_file_makes_a_log(tmp_path: Path) -> None:
    life = Life(None)

    writer = logged(AccessLogKeys(access_log=str(tmp_path / "log")), Params().put(LIFE, life))[WRITER]
    life.close()

    assert writer is not None
    assert writer.join(10)


def test_a_file_that_cannot_be_written_is_named_by_its_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        logged(AccessLogKeys(access_log=str(tmp_path)), Params().put(LIFE, Life(None)))

    assert [problem.key for problem in caught.value.problems] == ["accessLog"]


def test_what_is_said_of_a_log_that_there_is_not_is_warned_of() -> None:
    keys = AccessLogKeys(access_log_append=False, access_log_rotate_count=3)

    assert [name for name, _why in keys.config_warnings()] == ["access_log_append", "access_log_rotate_count"]
    assert list(AccessLogKeys(access_log="log", access_log_append=False).config_warnings()) == []
