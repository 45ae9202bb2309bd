"""What the documentation must name is made from the code; `python -m tests.structure.tables` makes it anew."""

import pytest

from mesh.config.shape import fields
from mesh.keys import Category
from mesh.settings.reading import Reading
from mesh_plugins.http.protocol import STACK
from tests.structure.key_tables import SCHEMA_PAGE, installed, settings_classes
from tests.structure.kind_tables import built_in, page_of
from tests.structure.pages import Page, page, pages
from tests.structure.role_tables import ROLE_PAGE
from tests.structure.tables import asked_for, remade


@pytest.mark.parametrize("shown", pages(), ids=lambda shown: shown.shown)
def test_the_tables_of_a_page_are_what_the_code_says(shown: Page) -> None:
    assert remade(shown).splitlines() == shown.text.splitlines()


def test_every_section_of_a_stack_file_has_its_table() -> None:
    expected = {f"keys {name}" for name in settings_classes()}

    assert sorted(expected - set(asked_for(page(SCHEMA_PAGE)))) == []


def test_what_a_protocol_adds_to_a_stack_file_has_its_tables() -> None:
    protocols = [kind for kind in built_in() if kind.category is Category.PROTOCOL]
    expected = {f"part {kind.name} {part}" for kind in protocols for part in ("router", *kind.parts)}

    assert sorted(expected - set(asked_for(page(SCHEMA_PAGE)))) == []


def test_every_kind_has_its_page() -> None:
    missing = [
        page_of(kind)
        for kind in built_in()
        if f"kind {kind.category} {kind.name}" not in asked_for(page(f"docs/plugins/{page_of(kind)}"))
    ]

    assert missing == []


def test_every_page_of_a_kind_has_its_kind() -> None:
    known = {f"docs/plugins/{page_of(kind)}" for kind in built_in()}
    of_kinds = [shown for shown in pages() if any(what.startswith("kind ") for what in asked_for(shown))]

    assert [shown.shown for shown in of_kinds if shown.shown not in known] == []


def test_lists_of_everything_are_somewhere() -> None:
    everything = {what for shown in pages() for what in asked_for(shown)}

    assert sorted({"kinds", "planned", "roles", "errors", "admin"} - everything) == []


def test_every_role_of_the_default_stack_says_what_it_does() -> None:
    roles = [*(module.role for module in STACK), "pool"]

    assert [role for role in roles if not page(ROLE_PAGE).section(f"`{role}`")] == []


def test_every_role_says_why_it_stands_where_it_stands() -> None:
    assert [module.role for module in STACK if not module.why] == []


def test_every_key_says_what_it_means() -> None:
    configs = [cls for kind in installed().all() if kind.config for cls in (kind.config, *kind.parts.values())]

    silent = [
        f"{cls.__name__}.{field.name}"
        for cls in (*configs, *settings_classes().values())
        for field in fields(cls)
        if not field.key.doc and field.reading is not Reading.PART
    ]

    assert silent == []
