"""What the demo suggests to try: commands that work as they are when pasted into a shell."""

import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs

from mesh.cli.demo.backend import Backend
from mesh.cli.demo.scenery import DISCO

REQUESTS = 50  # of which all but never fewer than one takes a way that one in five takes


@attrs.frozen
class Suggestion:
    """Commands, and a sentence on what they show."""

    shows: str
    commands: tuple[str, ...]


@attrs.frozen
class Guide:
    """The suggestions for one demo. Addresses are `host:port`; `program` is how the linker is called."""

    stack_file: Path
    backends: Mapping[str, Backend]
    address: str
    admin_address: str
    program: str

    def suggestions(self) -> tuple[Suggestion, ...]:
        """Return what to try, in an order that makes sense."""
        web = shlex.quote(str(self.stack_file.parent / DISCO / "web"))
        canary = f"{self.backends['web-v1'].entry} * 4\\n{self.backends['web-v2'].entry} * 1\\n"
        file = shlex.quote(str(self.stack_file))
        return (
            Suggestion("a request: the field Host names the service", (self._curl("web"),)),
            Suggestion("where that leads, and by which rules", (f"{self.program} explain {file} http://web/",)),
            Suggestion(
                "a rule for one request alone: it goes to version 2",
                (self._curl("web", header="l5d-dtab: /svc/web => /srv/web-v2"),),
            ),
            Suggestion(
                "a canary, by the weights of such a rule",
                (self._count("web", header="l5d-dtab: /svc/web => 4 * /srv/web-v1 & 1 * /srv/web-v2"),),
            ),
            Suggestion(
                "a canary for everybody, by the weights in a file, which is read again within a second",
                (f"printf '{canary}' > {web}; sleep 1", self._count("web")),
            ),
            Suggestion(
                "a backend that stops: the other one gets its requests",
                (
                    self._curl("control", "/stop/fast-1", method="POST"),
                    self._count("fast"),
                    self._curl("control", "/start/fast-1", method="POST"),
                ),
            ),
            Suggestion(
                "a service that refuses every other request: what it refused is sent again, and nobody sees it",
                (self._count("flaky"),),
            ),
            Suggestion("a service that is too slow: 504, and why", (self._curl("slow", "/?seconds=5", extra="-i "),)),
            Suggestion("a service that nobody knows: 502, and why", (self._curl("nobody", extra="-i "),)),
            Suggestion(
                "how often a request was sent again, and all other pages of the admin server",
                (
                    f"curl -s 'http://{self.admin_address}/admin/metrics.json?pretty=1' | grep 'requeues\"'",
                    f"curl -s http://{self.admin_address}/admin",
                ),
            ),
        )

    def text(self) -> str:
        """Return all of it; what is to be pasted stands on lines of its own, explanations are comments."""
        return "\n".join(
            "\n".join([f"# {suggestion.shows}", *suggestion.commands, ""]) for suggestion in self.suggestions()
        )

    def _curl(self, host: str, target: str = "/", *, header: str = "", method: str = "", extra: str = "") -> str:
        how = f"-X {method} " if method else ""
        more = f"-H '{header}' " if header else ""
        return f"curl -s {extra}{how}-H 'Host: {host}' {more}{shlex.quote(f'http://{self.address}{target}')}"

    def _count(self, host: str, *, header: str = "") -> str:
        return f"for i in $(seq {REQUESTS}); do {self._curl(host, header=header)}; done | sort | uniq -c"


def program() -> str:
    """Return the command that starts this program in a shell: `linker`, if the shell would find this installation's."""
    beside = Path(sys.executable).with_name("linker")
    if shutil.which("linker") == str(beside):
        return "linker"
    return shlex.quote(str(beside)) if beside.is_file() else f"{shlex.quote(sys.executable)} -m mesh"
