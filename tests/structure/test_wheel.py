import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mesh.version import __version__
from tests.structure.source import CODE, ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as a release would be, with the tools that are installed."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (built,) = target.iterdir()
    return built


@pytest.mark.slow
def test_the_wheel_holds_the_two_packages_and_nothing_else_on_top(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert tops == {"mesh", "mesh_plugins", f"linker_mesh-{__version__}.dist-info"}


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    here = {
        str(Path(folder).name / path.relative_to(ROOT / folder))
        for folder in CODE
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert sorted(here - names) == []


@pytest.mark.slow
def test_the_wheel_tells_type_checkers_that_it_is_typed(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert {"mesh/py.typed", "mesh_plugins/py.typed"} <= set(names)
