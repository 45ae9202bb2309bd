"""What linkerd's admin server refuses, case by case: as in its own tests, every page that is not refused exists."""

import pathlib
from typing import Any

import pytest
import yaml

from mesh.admin import Page, PageReply, Security, Site, site_service
from mesh.config import read_text
from mesh.http import HttpRequest
from mesh.plugins import find

CASES = yaml.safe_load((pathlib.Path(__file__).parent / "security.yaml").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
async def test_a_page_is_refused_as_by_linkerd(case: dict[str, Any]) -> None:
    file = {
        "admin": {"security": case["given"]["security"]},
        "routers": [{"protocol": "http", "servers": [{"port": 0}]}],
    }
    settings = read_text(yaml.safe_dump(file), file="case", kinds=find()).stack
    paths = case["given"]["paths"]
    known = {path.partition("?")[0] for path in paths}
    pages = [Page(path, "", lambda _request: PageReply.of_text("shown")) for path in known]
    service = site_service(Site(pages, Security(settings.admin.security).allows))

    replies = [await service(HttpRequest(b"GET", path.encode(), [])) for path in paths]

    assert [reply.status for reply in replies] == case["expect"]["statuses"]
