"""Which pages a process has."""

import pytest

from mesh.config import read_text
from mesh.errors import ConfigError
from mesh.linker.run import running
from mesh.linker.site import plain_server
from mesh.plugins import Kinds
from tests.proxies import kinds, stack


def test_without_a_protocol_that_can_serve_them_there_are_no_admin_pages() -> None:
    with pytest.raises(ConfigError, match="no installed plugin brings a protocol that can serve the admin pages"):
        plain_server(Kinds([]))


async def test_a_process_has_the_pages_of_itself_and_of_its_telemeters() -> None:
    text = stack(80).replace('"namers": []', '"telemetry": [{"kind": "io.l5d.prometheus", "path": "/mine"}]', 1)
    settings = read_text(text, file="a.yaml", kinds=kinds()).stack

    async with running(settings, kinds()) as linker:
        paths = {page.path for page in linker.site.pages}

    assert {"/admin", "/admin/ready", "/admin/metrics.json", "/config.json", "/mine"} <= paths
