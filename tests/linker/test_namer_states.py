"""What namers watch, as the admin server shows it."""

import json
import pathlib

from mesh.config import read_text
from mesh.linker.run import running
from tests.e2e.raw import connected, request
from tests.e2e.stubs import stub
from tests.proxies import FS, disco, kinds, stack


async def test_a_namer_shows_what_it_watches(tmp_path: pathlib.Path) -> None:
    async with stub() as endpoint:
        namers = [
            *disco(tmp_path, web=[endpoint.port]),
            {"kind": "io.l5d.rewrite", "prefix": "re/x", "pattern": "/a", "name": "/b"},
        ]
        settings = read_text(stack(FS, namers=namers), file="test.yaml", kinds=kinds()).stack
        async with running(settings, kinds()) as linker:
            async with connected(int(linker.addresses[0].rpartition(":")[2])) as client:
                await client.send(request())
                await client.reply()
            async with connected(int(linker.admin_address.rpartition(":")[2])) as admin:
                shown = []
                for target in ("/namer_state/io.l5d.fs.json", "/namer_state/re/x.json", "/namer_state/none.json"):
                    await admin.send(request("GET", target))
                    shown.append(await admin.reply())

    states = json.loads(shown[0].body)
    assert list(states) == ["/#/io.l5d.fs/web"]
    web = states["/#/io.l5d.fs/web"]
    assert web["state"] == {
        "running": True,
        "value": {"type": "bound", "addrs": [{"ip": "127.0.0.1", "port": endpoint.port, "meta": {}}], "meta": {}},
    }
    assert web["watch"]["file"] == str(tmp_path / "web")
    assert web["watch"]["modified"].startswith("20")
    assert (json.loads(shown[1].body), shown[2].status) == ({}, 404)
