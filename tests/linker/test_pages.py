"""The admin pages that look into the routers, asked without a socket."""

import json
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from mesh.admin import PageReply, PageRequest, Site
from mesh.config import read_text
from mesh.endpoint import Addr, AddrBound, AddrFailed, AddrNeg, AddrPending, Endpoint
from mesh.keys import Category, Chosen, Kind
from mesh.life import Life
from mesh.linker.assemble import Assembly, assemble
from mesh.linker.pages import process_pages, settled
from mesh.metrics import Metrics
from mesh.naming.delegation import DelegateLeaf
from mesh.naming.namer import BoundName
from mesh.naming.path import Path
from mesh.naming.tree import Leaf
from mesh.plugins import find
from mesh.protocol import ClientState
from mesh.settings import NamerSettings
from mesh.settings.kinds import NamerPrefix
from mesh.testing import FakeInterpreter, FakeNamer
from mesh.var import Fixed

TEXT = """\
routers:
- protocol: http
  label: first
  dtab: /svc/web => /$/inet/127.0.0.1/80
  servers:
  - port: 4140
- protocol: http
  label: second
  dtab: /svc/web => /$/inet/127.0.0.2/80
  servers:
  - port: 4141
"""

LEAF = {
    "type": "delegate",
    "path": "/svc/web",
    "delegate": {
        "type": "leaf",
        "path": "/$/inet/127.0.0.1/80",
        "dentry": {"prefix": "/svc/web", "dst": "/$/inet/127.0.0.1/80"},
        "bound": {
            "addr": {"type": "bound", "addrs": [{"ip": "127.0.0.1", "port": 80, "meta": {}}], "meta": {}},
            "id": "/$/inet/127.0.0.1/80",
            "path": "/",
        },
    },
}


def silent(_config: object, _prefix: Path, _life: Life) -> FakeNamer:
    """Make a namer that never answers."""
    return FakeNamer()


class Listed(FakeNamer):
    """A namer that can list its names."""

    def names(self) -> list[Path]:
        return [Path.read("/#/listed/a"), Path.read("/#/listed/b")]


def listed(_config: object, _prefix: Path, _life: Life) -> Listed:
    """Make a namer that lists two names."""
    return Listed()


def namer(name: str) -> NamerSettings:
    kind = Kind(name, Category.NAMER, "", factory=f"{__name__}:{name}")
    return NamerSettings(chosen=Chosen(kind, None), prefix=NamerPrefix(f"/{name}"))


@attrs.define(eq=False)
class Bench:
    """The pages of an assembly; `stopped` counts how often the process was told to end."""

    assembly: Assembly
    stopped: int = 0
    site: Site = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.site = Site(process_pages(lambda: self.assembly, lambda: {"shown": "masked"}, self.stop))

    def stop(self) -> None:
        self.stopped += 1

    async def ask(self, page: str, /, **query: str) -> PageReply:
        return await self.site.handle(PageRequest("GET", page, {name: [value] for name, value in query.items()}))

    async def post(self, path: str, body: bytes, media: str = "application/json") -> PageReply:
        return await self.site.handle(PageRequest("POST", path, headers={"content-type": media}, body=body))

    def use(self, *clients: tuple[str, Addr]) -> None:
        """Let the first router have these clients, by id."""
        states = [ClientState(BoundName(Path.read(id_), Path(), Fixed(addr)), addr) for id_, addr in clients]
        self.know(states)

    def know(self, states: list[ClientState]) -> None:
        """Let the first router have clients in these states."""
        first, *others = self.assembly.routers
        first = attrs.evolve(first, parts=attrs.evolve(first.parts, clients=lambda: states))
        self.assembly = attrs.evolve(self.assembly, routers=(first, *others))
        self.__attrs_post_init__()


@pytest.fixture
async def bench(nursery: trio.Nursery) -> AsyncIterator[Bench]:
    life = Life(nursery, "test")
    settings = read_text(TEXT, file="stack.yaml", kinds=find()).stack
    settings = attrs.evolve(settings, namers=(namer("silent"), namer("listed")))
    yield Bench(assemble(settings, find(), life, Metrics()))
    life.close()


def told(reply: PageReply) -> tuple[int, Any]:
    """Return the status, and the JSON or the text."""
    body = reply.body.decode()
    return reply.status, json.loads(body) if reply.content_type == "application/json" else body


async def test_the_configuration_is_shown_as_it_was_masked(bench: Bench) -> None:
    assert told(await bench.ask("/config.json")) == (200, {"shown": "masked"})


async def test_the_process_is_told_to_end_by_post_alone(bench: Bench) -> None:
    assert (await bench.ask("/admin/shutdown")).status == 405
    assert bench.stopped == 0

    assert told(await bench.post("/admin/shutdown", b"")) == (200, "draining\n")

    assert bench.stopped == 1


async def test_a_name_is_delegated_by_the_dtab_of_its_router(bench: Bench) -> None:
    assert told(await bench.ask("/delegator.json", path="/svc/web", namespace="first")) == (200, LEAF)


async def test_without_a_router_the_first_one_is_meant(bench: Bench) -> None:
    assert told(await bench.ask("/delegator.json", path="/svc/web")) == (200, LEAF)


async def test_what_another_dtab_has_started_ends_with_the_delegation(bench: Bench) -> None:
    router = bench.assembly.routers[0]
    before = len(router.life._children)

    await bench.ask("/delegator.json", path="/svc/web", dtab="/svc=>/$/inet/127.1/80")
    await bench.ask("/delegator.json", path="/svc/web", dtab="not a dtab")

    assert len(router.life._children) == before


async def test_a_name_may_be_delegated_by_another_dtab(bench: Bench) -> None:
    dtab = "/svc/web => /$/inet/127.0.0.1/80"

    assert told(await bench.ask("/delegator.json", path="/svc/web", namespace="second", dtab=dtab)) == (200, LEAF)


async def test_the_same_can_be_asked_by_post_with_a_dtab_as_text_or_as_a_list(bench: Bench) -> None:
    dentry = {"prefix": "/svc/web", "dst": "/$/inet/127.0.0.1/80"}
    for dtab in ("/svc/web => /$/inet/127.0.0.1/80", [dentry]):
        body = json.dumps({"path": "/svc/web", "namespace": "second", "dtab": dtab}).encode()

        assert told(await bench.post("/delegator.json", body, "application/json; charset=utf-8")) == (200, LEAF)


async def test_an_unknown_router_is_answered_with_those_there_are(bench: Bench) -> None:
    reply = await bench.ask("/delegator.json", path="/svc/web", namespace="third")

    assert told(reply) == (404, "There is no router third; there are: first, second\n")


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"path": "svc"}, "Invalid path: '/' expected but 's' found at '[s]vc'"),
        ({"path": "/svc", "dtab": "/a"}, "Invalid dtab: "),
    ],
)
async def test_what_cannot_be_read_is_refused(bench: Bench, query: dict[str, str], text: str) -> None:
    reply = await bench.ask("/delegator.json", **query)

    assert reply.status == 400
    assert reply.body.decode().startswith(text)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', b"\xff", b'{"path": 1}', b'{"path": null}', b"[" * 100_000],
)
async def test_a_body_that_is_no_delegation_request_is_refused(bench: Bench, body: bytes) -> None:
    reply = await bench.post("/delegator.json", body)

    assert reply.status == 400
    assert reply.body.startswith(b"Malformed delegation request: ")


async def test_a_list_that_is_no_dtab_is_refused(bench: Bench) -> None:
    reply = await bench.post("/delegator.json", b'{"path": "/svc", "dtab": [{"prefix": "/a"}]}')

    assert reply.status == 400
    assert reply.body.startswith(b"Invalid dtab: ")


@pytest.mark.parametrize("media", ["", "text/plain", "application/x-www-form-urlencoded"])
async def test_another_media_type_is_refused(bench: Bench, media: str) -> None:
    reply = await bench.post("/delegator.json", b"{}", media)

    assert told(reply) == (415, f"Expected Content-Type application/json, not {media or 'none'}\n")


async def test_a_namer_that_does_not_answer_is_waited_for_two_seconds(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    reply = await bench.ask("/delegator.json", path="/#/silent/web")

    assert told(reply) == (503, "Request timed out.\n")
    assert trio.current_time() == pytest.approx(2.0)


async def test_names_that_can_be_listed_are(bench: Bench) -> None:
    assert told(await bench.ask("/bound-names.json")) == (200, ["/#/listed/a", "/#/listed/b"])


async def test_the_addresses_of_every_client_are_shown(bench: Bench) -> None:
    bench.use(
        ("/#/bound", AddrBound((Endpoint("10.0.0.1", 80), Endpoint("::1", 80)))),
        ("/#/stale", AddrBound((Endpoint("10.0.0.1", 80),), stale="gone")),
        ("/#/neg", AddrNeg()),
        ("/#/failed", AddrFailed("no answer")),
        ("/#/pending", AddrPending()),
    )

    assert told(await bench.ask("/client_state.json")) == (
        200,
        {
            "/#/bound": {"state": "bound", "addresses": ["10.0.0.1:80", "[::1]:80"]},
            "/#/stale": {"state": "bound", "addresses": ["10.0.0.1:80"], "stale": "gone"},
            "/#/neg": {"state": "Neg"},
            "/#/failed": {"state": "failed", "cause": "no answer"},
            "/#/pending": {"state": "pending"},
        },
    )


async def test_the_state_of_a_client_has_what_its_balancer_says(bench: Bench) -> None:
    addr = AddrBound((Endpoint("10.0.0.1", 80),))
    name = BoundName(Path.read("/#/web"), Path(), Fixed[Addr](addr))
    bench.know([ClientState(name, addr, {"algorithm": "p2c"})])

    _status, shown = told(await bench.ask("/client_state.json"))

    assert shown["/#/web"]["balancer"] == {"algorithm": "p2c"}


async def test_a_delegation_is_settled_when_the_last_namer_has_answered(nursery: trio.Nursery) -> None:
    interpreter, found = FakeInterpreter(), list[object]()
    path = Path.read("/svc/web")
    bound = BoundName(Path.read("/#/web"), Path(), Fixed[Addr](AddrNeg()))

    async def ask() -> None:
        found.append(await settled(interpreter, path))

    nursery.start_soon(ask)
    await trio.testing.wait_all_tasks_blocked()
    assert found == []
    interpreter.binding(path).set(Leaf(bound))
    await trio.testing.wait_all_tasks_blocked()

    (tree,) = found
    assert isinstance(tree, DelegateLeaf)
