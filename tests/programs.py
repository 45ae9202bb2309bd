"""The programs that tests need: where they are, and what installs one that is missing."""

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

PACKAGES = Path(__file__).parents[1] / ".ci/packages"
DAEMONS = "/usr/local/sbin:/usr/sbin:/sbin"  # where Debian keeps them; not on a user's path


def packages() -> dict[str, str]:
    """Return the Debian package of each program that tests may ask for: the lines of `.ci/packages` that name one."""
    lines = (line.split() for line in PACKAGES.read_text().splitlines() if not line.startswith("#"))
    return {program: package for package, *programs in filter(None, lines) for program in programs}


def find(program: str) -> str:
    """Return the path of `program`. Where it is missing the test is skipped, but in CI (`CI` is set) it fails."""
    package = packages().get(program)
    if package is None:
        pytest.fail(f"{program} is not listed in .ci/packages, so CI would not install it")
    found = shutil.which(program) or shutil.which(program, path=DAEMONS)
    return found or _miss(f"{program} is not installed; on Debian: apt-get install {package}")


def find_script(program: str, distribution: str) -> str:
    """Return the path of a program that a distribution of the extra `dev` brings, as `find` does for Debian's."""
    beside = shutil.which(program, path=str(Path(sys.executable).parent))
    return beside or shutil.which(program) or _miss(f"{program} is not installed: pip install {distribution}")


def _miss(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{reason} (in CI nothing is skipped)")
    pytest.skip(reason)
