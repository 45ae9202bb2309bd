import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mesh.cli import main

Linker = Callable[..., Result]

STACK = """\
namers:
- kind: io.l5d.fs
  rootDir: {disco}
routers:
- protocol: http
  dtab: |
    /srv => /#/io.l5d.fs;
    /svc => /srv;
  servers:
  - port: 0
    timeoutMs: 1000
- protocol: http
  label: second
  dstPrefix: /second
  dtab: |
    /second/one => /$/inet/127.0.0.1/7001;
    /second/two => 3 * /$/inet/127.0.0.1/7001 & 1 * /$/inet/127.0.0.1/7002;
  servers:
  - port: 0
    profile: edge
    timeoutMs: 1000
"""


@pytest.fixture
def linker() -> Linker:
    """Run the command in this process."""

    def run(*args: object, text: str | None = None) -> Result:
        return CliRunner().invoke(main, [str(arg) for arg in args], input=text, prog_name="linker")

    return run


@pytest.fixture
def disco(tmp_path: Path) -> Path:
    folder = tmp_path / "disco"
    folder.mkdir()
    (folder / "web").write_text("127.0.0.1 7000\n")
    return folder


@pytest.fixture
def stack_file(tmp_path: Path, disco: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", list(sys.path))  # the folder of a stack file with filters is added to it
    path = tmp_path / "stack.yaml"
    path.write_text(STACK.format(disco=disco))
    return path
