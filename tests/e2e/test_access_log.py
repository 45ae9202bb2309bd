"""The access log of a running linker: lines of real requests, in the order in which they ended."""

import json
import pathlib
from typing import Any

import trio

from tests.e2e.raw import RawConnection, request
from tests.e2e.stubs import OK, Stub, stub
from tests.proxies import proxy, stack

FORM = "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_HOST%"


async def lines_of(path: pathlib.Path, count: int) -> list[str]:
    """Wait until a log has so many lines, and return them."""
    with trio.fail_after(10):
        while not path.exists() or path.read_text().count("\n") < count:
            await trio.sleep(0.01)
    return path.read_text().splitlines()


def logged(dtab: str | int, path: pathlib.Path, **keys: Any) -> str:
    return stack(dtab, httpAccessLog=str(path), **keys)


async def test_every_request_gets_its_line_whatever_became_of_it(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "log"
    async with stub(OK) as endpoint:
        rules = f"/svc/a => /$/inet/127.0.0.1/{endpoint.port}; /svc/b => /$/inet/127.0.0.1/1;"
        async with proxy(logged(rules, log, httpAccessLogFormat=FORM)) as running, running.connect() as client:
            for target, host in (("/1", "a"), ("/2", "b"), ("/3", "nowhere")):
                await client.send(request("POST", target, body=b"body", host=host))
                await client.reply()
            lines = await lines_of(log, 3)

    heads = [line.split(" ") for line in lines]
    assert [head[:5] for head in heads] == [
        ["POST", "/1", "200", "-", "4"],
        ["POST", "/2", "502", "UF", "4"],
        ["POST", "/3", "502", "NR", "4"],
    ]
    assert [head[6] for head in heads] == [f"127.0.0.1:{endpoint.port}", "127.0.0.1:1", "-"]
    assert all(int(head[5]) > 0 for head in heads)


async def test_what_is_in_the_queue_is_written_at_the_end(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "log"
    async with stub(OK) as endpoint:
        async with proxy(logged(endpoint.port, log)) as running, running.connect() as client:
            await client.send(request("GET", "/last", 'User-Agent: x"\ty'))
            await client.reply()
        (line,) = await lines_of(log, 1)

    assert line.startswith("web 127.0.0.1 - - [")
    assert line.endswith(' "-" "x\\"\\x09y"')
    assert '"GET /last HTTP/1.1" 200 ' in line


async def test_a_client_that_went_away_is_logged_as_such(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "log"
    reached = trio.Event()

    async def hang(_stub: Stub, connection: RawConnection) -> None:
        await connection.message()
        reached.set()
        await trio.sleep_forever()

    async with (
        stub(hang) as endpoint,
        proxy(logged(endpoint.port, log, httpAccessLogFormat="json")) as running,
    ):
        async with running.connect() as client:
            await client.send(request())
            await reached.wait()
        (line,) = await lines_of(log, 1)

    shown = json.loads(line)
    assert [shown[name] for name in ("status", "flags", "detail", "service")] == [499, "DC", "client_gone", "/svc/web"]
    assert len(shown["trace_id"]) in (16, 32)
