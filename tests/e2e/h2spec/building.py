"""The program h2spec, which tries servers of HTTP/2 against the RFCs; built once for each state of this folder.

Its libraries are older than the newest, because those want a newer Go than Debian 12 has.
"""

import fcntl
import hashlib
import os
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent
PROGRAM = "github.com/summerwind/h2spec/cmd/h2spec"
BUILD_SECONDS = 300.0  # the first time it loads 20 MiB of sources


def built(go: str) -> Path:
    """Return the path of h2spec; `go` is that of Go's own program. Raises `subprocess.CalledProcessError`."""
    target = _cache() / f"h2spec-{_digest()}"
    target.mkdir(parents=True, exist_ok=True)
    program = target / "h2spec"
    with (target / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            command = [go, "build", "-buildvcs=false", "-o", f"{program}.new", PROGRAM]
            subprocess.run(command, cwd=FOLDER, check=True, timeout=BUILD_SECONDS, env=_environment())
            Path(f"{program}.new").rename(program)
    return program


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "linker-tests"


def _digest() -> str:
    return hashlib.sha256(b"\0".join((FOLDER / name).read_bytes() for name in ("go.mod", "go.sum"))).hexdigest()[:16]


def _environment() -> dict[str, str]:
    return os.environ | {"GOFLAGS": "-mod=readonly", "GOWORK": "off"}
