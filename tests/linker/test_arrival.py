import pathlib

import pytest

from mesh.config import read_text
from mesh.errors import NoRoute, Unidentified
from mesh.linker.arrival import Arrival, arrive
from mesh.linker.offline import offline
from mesh.naming.dtab import EMPTY_DTAB, Dtab
from mesh.naming.path import Path
from mesh.plugins import find

TEXT = """\
routers:
- protocol: http
  servers:
  - port: 0
"""


async def arrived(url: str, *headers: tuple[str, str], more: str = "") -> Arrival:
    kinds = find()
    async with offline(read_text(TEXT + more, file="stack.yaml", kinds=kinds), kinds) as assembly:
        router = assembly.routers[0]
        return await arrive(router, router.parts.request("GET", url, list(headers)))


async def test_a_request_arrives_with_its_name() -> None:
    assert await arrived("http://web/path") == Arrival(Path.read("/svc/web"), EMPTY_DTAB)


async def test_a_request_arrives_with_its_override() -> None:
    arrival = await arrived("http://web/", ("l5d-dtab", "/a => /b"), ("l5d-ctx-dtab", "/c => /d"))

    assert arrival.local == Dtab.read("/c => /d; /a => /b")


async def test_the_profile_of_the_listener_counts() -> None:
    arrival = await arrived("http://web/", ("l5d-dtab", "/a => /b"), more="    profile: edge\n")

    assert arrival.local == EMPTY_DTAB


async def test_a_request_without_a_name_raises_what_the_identifier_says() -> None:
    with pytest.raises(Unidentified, match="Host header is absent"):
        await arrived("/path")


async def test_a_request_that_a_filter_answers_raises_its_answer() -> None:
    with pytest.raises(NoRoute, match="the server stack answers the request before it is routed with 400: "):
        await arrived("http://web/", ("l5d-dtab", "/a"))


async def test_a_request_arrives_also_where_no_filter_turns_errors_into_replies() -> None:
    arrival = await arrived("http://web/", more="  filters: {server: [{remove: errors}]}\n")

    assert arrival.path == Path.read("/svc/web")


async def test_what_only_records_requests_sees_none(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "log"
    kinds = find()
    text = TEXT + f"  httpAccessLog: {log}\n"
    async with offline(read_text(text, file="stack.yaml", kinds=kinds), kinds) as assembly:
        router = assembly.routers[0]
        await arrive(router, router.parts.request("GET", "http://web/", []))
        scopes = list(router.metrics.scopes["server"].scopes["127.0.0.1/0"].metrics)

    assert "requests" not in scopes or router.metrics.counter("server", "127.0.0.1/0", "requests").value == 0
    assert not log.exists()
