"""What the admin server is told by a stack file: its sockets, its pages, and the port that names requests."""

import contextlib
import json

import trio

from mesh.config import read_text
from mesh.linker.run import running
from tests.e2e.raw import Message, connected, request
from tests.proxies import kinds

ROUTER = {"protocol": "http", "servers": [{"port": 0}]}


async def asked(address: str, target: str) -> Message:
    async with connected(int(address.rpartition(":")[2])) as client:
        await client.send(request("GET", target))
        return await client.reply()


def stack(**admin: object) -> str:
    return json.dumps({"admin": {"port": 0, **admin}, "routers": [ROUTER], "telemetry": [{"kind": "io.l5d.influxdb"}]})


async def test_the_identifier_port_names_requests() -> None:
    text = stack(httpIdentifierPort=0)
    async with running(read_text(text, file="test.yaml", kinds=kinds()).stack, kinds()) as linker:
        reply = await asked(linker.identifier_address, "/x")

    assert json.loads(reply.body) == {"http": {"path": "/svc/web"}}
    assert linker.listening[-1] == f"names of requests on {linker.identifier_address}"


async def test_pages_are_refused_as_the_stack_file_says() -> None:
    text = stack(security={"diagnosticsEnabled": False, "pathWhitelist": ["/admin/ping"]})
    async with running(read_text(text, file="test.yaml", kinds=kinds()).stack, kinds()) as linker:
        statuses = [
            (await asked(linker.admin_address, target)).status
            for target in ("/admin/ping", "/admin/ready", "/admin/metrics.json", "/client_state.json", "/%61dmin/ready")
        ]

    assert statuses == [200, 404, 200, 404, 404]


async def test_a_telemeter_adds_its_page() -> None:
    async with running(read_text(stack(), file="test.yaml", kinds=kinds()).stack, kinds()) as linker:
        reply = await asked(linker.admin_address, "/admin/metrics/influxdb")

    assert b"rt:server,host=web,rt=http,server=127.0.0.1/0 " in reply.body


async def test_the_admin_server_has_sockets_of_its_own_kind() -> None:
    text = stack(socketOptions={"reusePort": True}, port=0)
    async with running(read_text(text, file="test.yaml", kinds=kinds()).stack, kinds()) as linker:
        port = int(linker.admin_address.rpartition(":")[2])
        again = stack(socketOptions={"reusePort": True}, port=port)
        async with running(read_text(again, file="test.yaml", kinds=kinds()).stack, kinds()) as second:
            assert second.admin_address == linker.admin_address


async def test_the_port_that_names_requests_comes_and_goes_with_the_stack_file() -> None:
    with_port, without = stack(httpIdentifierPort=0), stack()
    async with running(read_text(without, file="test.yaml", kinds=kinds()).stack, kinds()) as linker:
        addresses = [linker.identifier_address]
        for text in (with_port, with_port, without):
            linker.prepare(read_text(text, file="test.yaml", kinds=kinds()).stack, dict).commit()
            addresses.append(linker.identifier_address)

    assert [bool(address) for address in addresses] == [False, True, True, False]
    assert addresses[1] == addresses[2]


async def test_recent_requests_are_kept_over_a_reload_that_leaves_their_telemeter() -> None:
    def text(label: str) -> str:
        router = {**ROUTER, "label": label, "dtab": "/svc => /$/inet/127.0.0.1/1"}
        return json.dumps(
            {
                "admin": {"port": 0},
                "routers": [router],
                "telemetry": [{"kind": "io.l5d.recentRequests", "sampleRate": 1.0}],
            }
        )

    async with running(read_text(text("one"), file="test.yaml", kinds=kinds()).stack, kinds()) as linker:
        await asked(linker.addresses[0], "/x")
        linker.prepare(read_text(text("two"), file="test.yaml", kinds=kinds()).stack, dict).commit()
        await asked(linker.addresses[0], "/x")
        reply = await asked(linker.admin_address, "/requests.json")

    newest, oldest = json.loads(reply.body)
    assert [newest["router"], oldest["router"]] == ["two", "one"]
    assert (newest["logicalName"], newest["destination"], newest["status"]) == ("/svc/web", "127.0.0.1:1", 502)


async def test_a_telemeter_that_comes_is_told_of_the_next_request() -> None:
    def text(*telemetry: object) -> str:
        return json.dumps({"admin": {"port": 0}, "routers": [ROUTER], "telemetry": telemetry})

    async with running(read_text(text(), file="test.yaml", kinds=kinds()).stack, kinds()) as linker:
        await asked(linker.addresses[0], "/x")
        recent = {"kind": "io.l5d.recentRequests", "sampleRate": 1.0}
        linker.prepare(read_text(text(recent), file="test.yaml", kinds=kinds()).stack, dict).commit()
        await asked(linker.addresses[0], "/x")
        reply = await asked(linker.admin_address, "/requests.json")

    assert len(json.loads(reply.body)) == 1


async def test_connections_of_a_tcp_router_are_told_of_too() -> None:
    identifier = {"kind": "io.l5d.static", "path": "/db"}
    router = {
        "protocol": "tcp",
        "servers": [{"port": 0}],
        "identifier": identifier,
        "dtab": "/svc => /$/inet/127.0.0.1/1",
    }
    text = json.dumps(
        {"admin": {"port": 0}, "routers": [router], "telemetry": [{"kind": "io.l5d.recentRequests", "sampleRate": 1.0}]}
    )
    async with running(read_text(text, file="test.yaml", kinds=kinds()).stack, kinds()) as linker:
        async with connected(int(linker.addresses[0].rpartition(":")[2])) as client:
            with contextlib.suppress(trio.BrokenResourceError):  # a reset: there is nobody to speak to
                await client.stream.receive_some(1)
        reply = await asked(linker.admin_address, "/requests.json")

    (shown,) = json.loads(reply.body)
    assert (shown["router"], shown["logicalName"], shown["destination"]) == ("tcp", "/svc/db", "127.0.0.1:1")
    assert shown["outcome"] != "success"
