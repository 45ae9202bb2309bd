"""The admin server's list of everything."""

from html import escape

from mesh.admin.pages import Page, PageReply, PageRequest, Site

_HEAD = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>linker admin</title>'
    "<style>body{font:15px/1.6 system-ui,sans-serif;margin:2em}td{padding-right:2em}</style></head>"
)


def add_index(site: Site) -> None:
    """Add `/admin`, which lists the pages that the site has when it is asked: as HTML to a browser, as text to others.

    It is at `/` and `/help` as well, where linkerd has its dashboard and its list.
    """

    def as_text(_request: PageRequest) -> PageReply:
        return PageReply.of_text(site.listing())

    def as_either(request: PageRequest) -> PageReply:
        if "text/html" in request.headers.get("accept", ""):
            return PageReply.of_html(_table(site))
        return as_text(request)

    site.add(Page("/admin", "this list", as_either, aliases=("/", "/help")))
    site.add(Page("/admin/index.txt", "this list as text", as_text))


def _table(site: Site) -> str:
    rows = "".join(f"<tr><td>{_link(page)}</td><td>{escape(page.summary)}</td></tr>" for page in site.pages)
    return f"{_HEAD}<body><h1>linker admin</h1><table>{rows}</table></body></html>\n"


def _link(page: Page) -> str:
    """Return a link to the page, or, if following a link would not do, how to ask for it."""
    path = escape(page.path)
    return f'<a href="{path}">{path}</a>' if "GET" in page.methods else f"{escape(page.methods[0])} {path}"
