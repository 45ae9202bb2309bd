"""Reading the stack file again: what is put into force, what is refused, and what is said of either."""

import pathlib

import pytest

from mesh.admin import PageRequest, Site
from mesh.config import Loaded, read_file
from mesh.errors import ConfigError, MeshError
from mesh.linker.listener import ListenError
from mesh.linker.reload import Reloads, checked, reload_page
from mesh.metrics import Metrics, flat
from tests.proxies import kinds, stack

ASKED = PageRequest("POST", "/admin/reload")


class Bench:
    """A stack file, and what would put it into force."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.path = folder / "stack.yaml"
        self.path.write_text(stack(80))
        self.put: list[Loaded] = []
        self.refusal: MeshError | None = None
        self.metrics = Metrics()
        self.reloads = Reloads(read_file(str(self.path), kinds()), kinds(), self._put, self.metrics)
        self.site = Site([reload_page(self.reloads)])

    async def _put(self, loaded: Loaded) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.put.append(loaded)

    @property
    def counts(self) -> dict[str, float]:
        shown = flat(self.metrics, "config")
        return {name: shown[name] for name in ("reloads", "reload_failures", "last_reload_failed")}


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Bench:
    return Bench(tmp_path)


async def test_a_file_that_is_right_is_put_into_force(bench: Bench) -> None:
    before = flat(bench.metrics, "config")["hash"]
    bench.path.write_text(stack(81))

    reply = await bench.site.handle(ASKED)

    assert (reply.status, reply.body.startswith(b"reloaded ")) == (200, True)
    assert [loaded.stack.routers[0].dtab.show() for loaded in bench.put] == ["/svc=>/$/inet/127.0.0.1/81"]
    assert bench.counts == {"reloads": 1, "reload_failures": 0, "last_reload_failed": 0}
    assert flat(bench.metrics, "config")["hash"] != before


async def test_a_file_that_is_wrong_is_refused_with_all_that_is_wrong(bench: Bench) -> None:
    bench.path.write_text(stack(81, dtap=1, bindingTimeoutMs=-1))

    reply = await bench.site.handle(ASKED)

    assert reply.status == 400
    assert (b"did you mean dtab" in reply.body, b"bindingTimeoutMs" in reply.body) == (True, True)
    assert (bench.put, bench.counts) == ([], {"reloads": 0, "reload_failures": 1, "last_reload_failed": 1})


async def test_what_only_the_stacks_refuse_is_refused_as_by_the_check_command(bench: Bench) -> None:
    bench.path.write_text(stack(81, filters={"server": [{"remove": "nothing"}]}))

    with pytest.raises(ConfigError, match=r"line 1, column \d+: .*the server stack has no role nothing"):
        await bench.reloads.reload()

    assert bench.put == []


async def test_what_cannot_be_put_into_force_is_refused(bench: Bench) -> None:
    bench.refusal = ListenError("cannot listen on 127.0.0.1:1: Permission denied")

    reply = await bench.site.handle(ASKED)
    bench.refusal = None
    again = await bench.site.handle(ASKED)

    assert (reply.status, reply.body) == (400, b"cannot listen on 127.0.0.1:1: Permission denied\n")
    assert (again.status, bench.counts) == (200, {"reloads": 1, "reload_failures": 1, "last_reload_failed": 0})


async def test_a_signal_that_comes_to_nothing_harms_nothing(bench: Bench) -> None:
    bench.path.unlink()

    await bench.reloads.try_to()

    assert bench.counts["reload_failures"] == 1


def test_standard_input_cannot_be_read_again() -> None:
    with pytest.raises(ConfigError, match="came from standard input, which cannot be read again"):
        checked("<stdin>", kinds())
