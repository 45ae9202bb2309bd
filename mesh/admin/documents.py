"""The pages for people: what the files beside this module say, in one frame, and drawn by scripts from the other pages."""

from functools import lru_cache
from importlib.resources import files

from mesh.admin.pages import HTML, Page, PageReply, PageRequest, Site

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = (("content-security-policy", _POLICY), ("referrer-policy", "no-referrer"))
"""What a browser is told of every document: nothing comes from elsewhere, and no name can become a script."""

ICON = "linker.svg"


def document_pages(site: Site) -> list[Page]:
    """Return the documents, and the files that they are made of. `site` is listed at `/` for whoever is no browser."""

    def overview(request: PageRequest) -> PageReply:
        return document("Overview", "dashboard") if is_browser(request) else PageReply.of_text(site.listing())

    return [
        Page("/", "the overview: requests, success, latency and connections of each router, live", overview),
        _document(
            "/delegator", "Names", "delegator", "the playground: how a name is rewritten, by these rules or others"
        ),
        _document("/requests", "Requests", "requests", "recent requests, if io.l5d.recentRequests keeps them"),
        _document("/admin/metrics", "Metrics", "metrics", "every metric, in a table that can be searched"),
        _document("/logging", "Logging", "logging", "what is logged; changes it, too"),
        *_files(),
    ]


def document(title: str, name: str) -> PageReply:
    """Return the document of a name, in the frame of all documents."""
    return framed(title, _text(f"{name}.html"))


def framed(title: str, content: str) -> PageReply:
    """Return a document with this content, which is HTML; whoever made it has escaped what needs it."""
    text = _text("shell.html").replace("{title}", title).replace("{content}", content)
    return PageReply(200, HTML, text.encode(), HEADERS)


def is_browser(request: PageRequest) -> bool:
    """Return whether whoever asks would rather have HTML."""
    return "text/html" in request.headers.get("accept", "")


def _document(path: str, title: str, name: str, summary: str) -> Page:
    return Page(path, summary, lambda _request: document(title, name))


def _files() -> list[Page]:
    found = [item.name for item in files(__package__).joinpath("files").iterdir()]
    pages = [_file(name, kind) for name in sorted(found) for suffix, kind in _TYPES.items() if name.endswith(suffix)]
    return [*pages, Page("/favicon.ico", "the icon", _file(ICON, _TYPES[".svg"]).handle, listed=False)]


def _file(name: str, kind: str) -> Page:
    def handle(_request: PageRequest) -> PageReply:
        return PageReply(200, kind, _text(name).encode())

    return Page(f"/files/{name}", "a part of the pages", handle, aliases=(f"/admin/files/{name}",), listed=False)


@lru_cache(maxsize=64)
def _text(name: str) -> str:
    return files(__package__).joinpath("files", name).read_text("utf-8")
