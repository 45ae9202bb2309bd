"""The command that runs the Java program of this folder; Maven builds it once for each state of its sources."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent
MEMORY = ["-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]  # small, and started fast
BUILD_SECONDS = 300.0  # the first time it loads 70 MiB of libraries
UNREACHABLE = ("Could not transfer", "Could not resolve", "Unknown host")  # what Maven says without its repositories


class CannotBuild(Exception):
    """There is no Finagle here: Java or Maven is missing, or Maven's repositories cannot be reached."""


def command(main: str, options: list[str] | None = None) -> list[str]:
    """Return what runs the class `main`; `options` are for the Java machine. Raises `CannotBuild`."""
    java, maven = (_installed(program) for program in ("java", "mvn"))
    target = _cache() / f"finagle-{_digest()}"
    target.mkdir(parents=True, exist_ok=True)
    with (target / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = target / "built"
        if not built.exists():
            _build(maven, target)
            built.touch()
    libraries = (target / "libraries").read_text().strip()
    return [java, *(MEMORY if options is None else options), "-cp", f"{target}/classes:{libraries}", main]


def _installed(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise CannotBuild(f"{program} is not installed; on Debian: apt-get install default-jdk-headless maven")
    return found


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "linker-tests"


def _digest() -> str:
    sources = [FOLDER / "pom.xml", *sorted((FOLDER / "src").iterdir())]
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:16]


def _build(maven: str, target: Path) -> None:
    goals = ["compile", "dependency:build-classpath", f"-Dmdep.outputFile={target}/libraries"]
    options = ["-q", "-B", "-f", str(FOLDER / "pom.xml"), f"-Dfolder={target}"]
    done = subprocess.run([maven, *options, *goals], capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    said = done.stdout + done.stderr
    if done.returncode and any(words in said for words in UNREACHABLE):
        raise CannotBuild("Maven cannot load Finagle: its repositories cannot be reached")
    if done.returncode:
        raise RuntimeError(f"Maven cannot build Finagle's peer:\n{said[-2000:]}")
