"""The documents for people, and the files that they are made of."""

import json
import re
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from mesh.admin.documents import HEADERS, document_pages
from mesh.admin.pages import HTML, TEXT, Page, PageReply, PageRequest, Site
from mesh.admin.security import Security
from mesh.settings import AdminSecurity
from tests.programs import find

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
DOCUMENTS = ["/", "/delegator", "/requests", "/admin/metrics", "/logging"]


def whole(allows: Security | None = None) -> Site:
    site = Site() if allows is None else Site(allows=allows.allows)
    for page in document_pages(site):
        site.add(page)
    return site


async def got(path: str, site: Site | None = None) -> PageReply:
    return await (site or whole()).handle(PageRequest("GET", path, headers=BROWSER))


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_a_document_is_whole_and_lets_nothing_in_from_elsewhere(path: str) -> None:
    reply = await got(path)

    assert (reply.status, reply.content_type, reply.headers) == (200, HTML, HEADERS)
    assert reply.body.startswith(b"<!DOCTYPE html>")
    assert reply.body.rstrip().endswith(b"</html>")
    assert not re.search(rb"\{\w+\}|https?://|<script>|style=| on\w+=", reply.body)


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_what_a_document_refers_to_is_there(path: str) -> None:
    site = whole()
    references = set(re.findall(r'(?:href|src)="(/files/[^"]+)"', (await got(path, site)).body.decode()))

    found = {reference: await got(reference, site) for reference in references}

    assert references >= {"/files/admin.css", "/files/linker.svg"}
    assert {reply.status for reply in found.values()} == {200}


async def test_the_page_of_requests_has_a_column_for_each_cell_of_a_row() -> None:
    script = (await got("/files/requests.js")).body.decode()
    row = script[script.index('return el("tr"') :]

    columns = re.findall(r"<th[ >]", (await got("/requests")).body.decode())

    assert len(re.findall(r'cell\(|name\(|el\("td"', row)) == len(columns)
    assert "cell(method)" in row


@pytest.mark.slow
def test_a_share_is_whole_only_if_nothing_is_missing() -> None:
    page = Path(str(files("mesh.admin"))) / "files/page.js"
    program = f"""
        globalThis.document = {{ querySelectorAll: () => [] }};
        const {{ percent }} = await import({json.dumps(page.as_uri())});
        const whole = Array.from({{ length: 1000 }}, (_, n) => percent(n / 1.003, n / 1.003));
        console.log([...new Set(whole.slice(1)), percent(99999, 100000), percent(1, 3)].join());
    """

    ran = subprocess.run(
        [find("node"), "--input-type=module", "--eval", program], check=True, capture_output=True, text=True, timeout=60
    )

    assert ran.stdout == "100 %,99.99 %,33.3 %\n"


def test_scripts_import_scripts_that_are_there_and_what_those_export() -> None:
    folder = files("mesh.admin").joinpath("files")
    scripts = {item.name: item.read_text() for item in folder.iterdir() if item.name.endswith(".js")}
    exported = {
        name: set(re.findall(r"^export (?:async )?(?:function|class|const) (\w+)", text, re.MULTILINE))
        for name, text in scripts.items()
    }

    for text in scripts.values():
        for names, source in re.findall(r'^import \{ ([^}]*) \} from "\./([^"]+)";', text, re.MULTILINE):
            assert set(names.split(", ")) <= exported[source]


def test_no_script_makes_markup_of_a_text() -> None:
    folder = files("mesh.admin").joinpath("files")
    text = "".join(item.read_text() for item in folder.iterdir() if item.name.endswith(".js"))

    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function", text)


async def test_types_are_those_that_browsers_insist_on() -> None:
    site = whole()

    types = [(await got(path, site)).content_type for path in ("/files/page.js", "/files/admin.css", "/favicon.ico")]

    assert types == ["text/javascript; charset=utf-8", "text/css; charset=utf-8", "image/svg+xml"]


async def test_who_is_no_browser_gets_a_list_at_the_top() -> None:
    site = whole()
    site.add(Page("/a", "one", lambda _request: PageReply()))

    reply = await site.handle(PageRequest("GET", "/", headers={"accept": "*/*"}))

    assert reply.content_type == TEXT
    assert b"/a " in reply.body
    assert b"/files/" not in reply.body


async def test_documents_and_their_files_are_pages_for_people() -> None:
    site = whole(Security(AdminSecurity(ui_enabled=False, diagnostics_enabled=True)))

    statuses = {path: (await got(path, site)).status for path in ("/", "/delegator", "/logging", "/admin/metrics")}
    hidden = [(await got(path, site)).status for path in ("/files/page.js", "/admin/files/page.js", "/favicon.ico")]

    assert set(statuses.values()) == {404}
    assert hidden == [404, 404, 404]
