"""What the demo writes down: a stack file, and a file for each service with the addresses of its backends."""

import json
from collections.abc import Mapping
from pathlib import Path

from mesh.cli.demo.backend import Backend
from mesh.cli.demo.town import SERVICES
from mesh.errors import ConfigError, Problem

MARK = "# Written by `linker demo`"
STACK_FILE = "demo.yaml"
DISCO = "disco"

_STACK = """{mark}, which writes it again whenever it starts in this directory.
admin:
  port: {admin_port}
  shutdownGraceMs: 2000
namers:
- kind: io.l5d.fs          # a service is a file that lists its addresses
  rootDir: {disco}
telemetry:
- kind: io.l5d.recentRequests   # the admin page /requests shows what was asked for last
  sampleRate: 1.0
routers:
- protocol: http
  label: demo
  dtab: |
    /srv => /#/io.l5d.fs;
    /svc => /srv;
  servers:
  - port: {port}
    timeoutMs: 2000        # a request that takes longer is answered 504
"""


def check_directory(directory: Path) -> None:
    """Raise `ConfigError` if `directory` holds files, but not those of a demo: they would be overwritten."""
    if directory.exists() and not directory.is_dir():
        raise ConfigError(Problem("is a file", str(directory), expected="a directory"))
    if not directory.exists() or not any(directory.iterdir()):
        return
    stack_file = directory / STACK_FILE
    if not stack_file.is_file() or not stack_file.read_text(errors="replace").startswith(MARK):
        raise ConfigError(
            Problem("holds other files than a demo's", str(directory), expected="an empty directory, or a new one")
        )


def write_files(directory: Path, backends: Mapping[str, Backend], port: int, admin_port: int) -> Path:
    """Write the files and return the path of the stack file."""
    disco = directory / DISCO
    disco.mkdir(parents=True, exist_ok=True)
    stack_file = directory / STACK_FILE
    stack_file.write_text(_STACK.format(mark=MARK, admin_port=admin_port, disco=json.dumps(str(disco)), port=port))
    for service, names in SERVICES.items():
        (disco / service).write_text("".join(f"{backends[name].entry}\n" for name in names))
    return stack_file
