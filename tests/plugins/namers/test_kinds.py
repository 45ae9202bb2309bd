"""The kinds of namers: described without being imported, and built by their factories."""

import subprocess
import sys
from pathlib import Path as FilePath

import pytest

from mesh import Category, Life, Path, load
from mesh_plugins.namers.config import FsConfig, RewriteConfig
from mesh_plugins.namers.fs import FsNamer
from mesh_plugins.namers.kinds import KINDS
from mesh_plugins.namers.rewrite import RewriteNamer
from mesh_plugins.namers.system import SystemNamer

BY_NAME = {kind.name: kind for kind in KINDS}


def test_each_kind_is_a_namer_with_keys_and_a_factory() -> None:
    assert all(kind.category is Category.NAMER and kind.config is not None for kind in KINDS)
    assert [callable(load(kind)) for kind in KINDS] == [True] * len(KINDS)


def test_a_factory_takes_the_keys_the_prefix_and_the_life(tmp_path: FilePath) -> None:
    fs = load(BY_NAME["io.l5d.fs"])(FsConfig(str(tmp_path)), Path.read("/#/fs"), Life(None))
    rewrite = load(BY_NAME["io.l5d.rewrite"])(RewriteConfig("/a", "/b"), Path.read("/#/rewrite"), Life(None))
    system = load(BY_NAME["system"])(None, Path.read("/$"), Life(None))

    assert [type(namer) for namer in (fs, rewrite, system)] == [FsNamer, RewriteNamer, SystemNamer]


@pytest.mark.slow
def test_describing_the_kinds_imports_none_of_them() -> None:
    code = "import sys, mesh_plugins.namers.kinds; print('mesh_plugins.namers.hosts' in sys.modules)"

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert shown.strip() == "False"
