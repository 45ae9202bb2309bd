"""Settings by path: each request gets those of its logical name, and each attempt those of its bound name."""

import pathlib
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.e2e.raw import RawConnection, request
from tests.e2e.stubs import Stub, stub
from tests.proxies import FS, disco, proxy, stack


async def stall(stub: Stub, connection: RawConnection) -> None:
    """Take a request and never answer it."""
    stub.requests.append(await connection.request())
    await connection.is_closed()


def static(*configs: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "io.l5d.static", "configs": list(configs)}


async def is_timed_out(text: str, host: str) -> bool:
    """Return whether a request for a host is answered by a timeout within half a second; nothing else answers it."""
    async with proxy(text) as running, running.connect() as client:
        await client.send(request(host=host))
        with trio.move_on_after(0.5):
            return (await client.reply()).status == 504
    return False


@pytest.mark.parametrize(
    ("configs", "host", "expected"),
    [
        pytest.param([{"prefix": "/svc/web", "totalTimeoutMs": 50}], "web", True, id="its own entry"),
        pytest.param([{"prefix": "/svc/web", "totalTimeoutMs": 50}], "shop", False, id="that of another"),
        pytest.param([{"prefix": "/svc/*", "totalTimeoutMs": 50}], "shop", True, id="a wildcard"),
        pytest.param([{"prefix": "/", "totalTimeoutMs": 50}], "shop", True, id="everything"),
        pytest.param([{"prefix": "/svc/{a}.x", "totalTimeoutMs": 50}], "web.x", True, id="a capture"),
        pytest.param(
            [{"prefix": "/svc/{a}.x", "totalTimeoutMs": 50}], "web.y", False, id="a capture that does not match"
        ),
        pytest.param(
            [{"prefix": "/", "totalTimeoutMs": 50}, {"prefix": "/svc/web", "totalTimeoutMs": 60000}],
            "web",
            False,
            id="the later entry is stronger",
        ),
        pytest.param(
            [{"prefix": "/", "totalTimeoutMs": 50}, {"prefix": "/svc/web", "retries": {"budget": {"ttlSecs": 5}}}],
            "web",
            True,
            id="what the later entry does not say is inherited",
        ),
    ],
)
async def test_a_service_has_the_settings_of_its_name(
    configs: list[dict[str, Any]], host: str, expected: bool, idle_clock: MockClock
) -> None:
    async with stub(stall) as endpoint:
        assert await is_timed_out(stack(endpoint.port, service=static(*configs)), host) is expected


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("/#/io.l5d.fs/web", False), ("/%/io.l5d.port/*/#/io.l5d.fs/{service}", True), ("/%/io.l5d.port", True)],
)
async def test_a_client_is_known_by_what_transformers_made_of_its_name(
    tmp_path: pathlib.Path, prefix: str, expected: bool, idle_clock: MockClock
) -> None:
    async with stub(stall) as endpoint:
        text = stack(
            FS,
            namers=disco(tmp_path, web=[1]),
            interpreter={"kind": "default", "transformers": [{"kind": "io.l5d.port", "port": endpoint.port}]},
            client=static({"prefix": prefix, "requestAttemptTimeoutMs": 50}),
        )

        assert await is_timed_out(text, "web") is expected
