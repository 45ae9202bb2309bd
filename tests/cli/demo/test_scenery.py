from pathlib import Path

import pytest

from mesh.cli.demo.backend import Backend
from mesh.cli.demo.scenery import check_directory, write_files
from mesh.cli.demo.town import SERVICES
from mesh.config import read_file
from mesh.errors import ConfigError
from mesh.message import Reply, Request
from mesh.plugins import find


async def nothing(_request: Request, /) -> Reply:
    return Reply()


def backends() -> dict[str, Backend]:
    names = sorted({name for names in SERVICES.values() for name in names})
    return {name: Backend(nothing, port=7000 + number) for number, name in enumerate(names)}


def test_the_stack_file_is_right_and_gives_no_reason_to_warn(tmp_path: Path) -> None:
    loaded = read_file(str(write_files(tmp_path, backends(), 4140, 9990)), find())

    assert (loaded.stack.routers[0].servers[0].port, loaded.stack.admin.port, loaded.warnings) == (4140, 9990, ())


def test_a_directory_with_an_odd_name_is_no_trouble(tmp_path: Path) -> None:
    folder = tmp_path / 'a "b": #c\\d'

    loaded = read_file(str(write_files(folder, backends(), 0, 0)), find())

    assert loaded.stack.namers[0].chosen.config.root_dir == str(folder / "disco")


def test_every_service_has_a_file_with_its_backends(tmp_path: Path) -> None:
    write_files(tmp_path, backends(), 4140, 9990)

    assert (tmp_path / "disco" / "fast").read_text() == "127.0.0.1 7001\n127.0.0.1 7002\n"
    assert sorted(path.name for path in (tmp_path / "disco").iterdir()) == sorted(SERVICES)


def test_a_demo_may_begin_again_in_its_directory(tmp_path: Path) -> None:
    write_files(tmp_path, backends(), 4140, 9990)
    (tmp_path / "disco" / "web").write_text("edited")

    check_directory(tmp_path)
    write_files(tmp_path, backends(), 4140, 9990)

    assert "edited" not in (tmp_path / "disco" / "web").read_text()


def test_an_empty_directory_and_a_new_one_are_taken(tmp_path: Path) -> None:
    check_directory(tmp_path)
    check_directory(tmp_path / "new")


def test_a_directory_with_other_files_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_text("routers: []\n")

    with pytest.raises(ConfigError, match="holds other files than a demo's; expected an empty directory"):
        check_directory(tmp_path)


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match="is a file; expected a directory"):
        check_directory(tmp_path / "file")
