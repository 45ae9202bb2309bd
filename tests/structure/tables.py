"""The tables in `docs/` that are made from the code, so that they cannot be wrong.

A page asks for one by `<!-- made: WHAT ... -->`, and it stands from there to `<!-- end -->`; WHAT is one of `MAKERS`.
`python -m tests.structure.tables` writes all of them anew; a test fails when one is not what the code says.
"""

import re
import sys
from collections.abc import Callable, Mapping

from tests.structure import key_tables, kind_tables, role_tables
from tests.structure.pages import Page, pages

MAKERS: Mapping[str, Callable[..., str]] = {
    "keys": key_tables.of_settings,
    "part": key_tables.of_part,
    "kind": kind_tables.of_kind,
    "kinds": kind_tables.of_all,
    "planned": kind_tables.of_planned,
    "roles": role_tables.of_roles,
    "errors": role_tables.of_errors,
    "admin": role_tables.of_admin_pages,
}
_PLACE = re.compile(r"(<!-- made: (?P<what>[^>]*?) -->\n)(?P<table>.*?)(?=<!-- end -->)", re.DOTALL)


def asked_for(page: Page) -> list[str]:
    """Return what the tables of a page are of, such as `keys RouterSettings`."""
    return [match["what"] for match in _PLACE.finditer(page.text)]


def remade(page: Page) -> str:
    """Return the text of a page with every table as the code has it now."""
    return _PLACE.sub(lambda match: f"{match[1]}\n{_make(match['what'])}\n\n", page.text)


def _make(what: str) -> str:
    maker, *arguments = what.split()
    return MAKERS[maker](*arguments)


def write() -> list[str]:
    """Write the tables of all pages; return the pages that were changed."""
    changed = []
    for page in pages():
        text = remade(page)
        if text != page.text:
            page.path.write_text(text)
            changed.append(page.shown)
    return changed


if __name__ == "__main__":
    sys.stdout.writelines(f"{name}: tables made anew\n" for name in write())
