"""A stranger's plugin is built, installed and found, with nothing but what its distribution says."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from tests.structure.source import ROOT

FIND = """
import json
from mesh import plugins

kinds = plugins.find()
print(json.dumps({kind.name: kind.plugin for kind in kinds.all() if "greeting" in kind.name}))
print(json.dumps([failure.plugin for failure in kinds.failures]))
"""

STACK = """\
routers:
- protocol: http
  dtab: /svc => /$/inet/127.0.0.1/8080
  servers:
  - port: 4140
  filters:
    service:
    - kind: {kind}
      {key}: good day
"""


@attrs.frozen
class Installed:
    """The distribution, copied to `source` and installed into `site`, a directory of its own."""

    source: Path
    site: Path

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run Python where the distribution is installed, beside `mesh`."""
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.source,
            env={**os.environ, "PYTHONPATH": str(self.site), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build the wheel and install it, with the tools that are here: no network is needed."""
    top = tmp_path_factory.mktemp("thirdparty")
    source = top / "linker-greeting"
    shutil.copytree(
        ROOT / "tests/thirdparty/linker-greeting", source, ignore=shutil.ignore_patterns("__pycache__", ".*")
    )
    built = Installed(source, top / "site")
    for command in (
        ("build", "--wheel", "--no-isolation", "--skip-dependency-check", "--outdir", str(top), str(source)),
        ("pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(built.site), "linker-greeting",
         "--find-links", str(top)),
    ):  # fmt: skip
        done = built.run("-m", *command)
        assert done.returncode == 0, done.stdout + done.stderr
    return built


@pytest.mark.slow
def test_its_kinds_are_found_and_named_after_it(installed: Installed) -> None:
    done = installed.run("-c", FIND)

    found, failures = map(json.loads, done.stdout.splitlines())
    assert found == {"com.example.greeting": "greeting (linker-greeting)"}
    assert failures == []


@pytest.mark.slow
def test_it_is_listed_with_the_plugin_that_brought_it(installed: Installed) -> None:
    done = installed.run("-m", "mesh", "plugins")

    (line,) = [line for line in done.stdout.splitlines() if "com.example.greeting" in line]
    assert "Adds a greeting to every reply." in line
    assert "greeting (linker-greeting)" in line


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["com.example.greeting", "greeting"])
def test_a_stack_file_can_name_it(installed: Installed, kind: str) -> None:
    (installed.source / "stack.yaml").write_text(STACK.format(kind=kind, key="greeting"))

    done = installed.run("-m", "mesh", "check", "stack.yaml")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "com.example.greeting" in done.stdout


@pytest.mark.slow
def test_its_keys_are_checked(installed: Installed) -> None:
    (installed.source / "stack.yaml").write_text(STACK.format(kind="greeting", key="greting"))

    done = installed.run("-m", "mesh", "check", "stack.yaml")

    assert done.returncode == 1
    assert "line 9, column 7" in done.stdout + done.stderr
    assert "greeting" in done.stdout + done.stderr


@pytest.mark.slow
def test_its_own_tests_pass(installed: Installed) -> None:
    done = installed.run("-m", "pytest", "-q", "-p", "no:cacheprovider")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
