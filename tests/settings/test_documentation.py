"""What every key of the schema owes to those who read about it."""

import attrs
import pytest

import mesh.settings
from mesh.keys import describe
from mesh.settings.reading import Reading, reading

CLASSES = [cls for name in mesh.settings.__all__ if attrs.has(cls := getattr(mesh.settings, name))]
SCHEMA = [cls for cls in CLASSES if cls.__name__ not in ("Entry", "Given", "PerPrefix")]


@pytest.mark.parametrize("cls", SCHEMA, ids=lambda cls: cls.__name__)
def test_every_key_is_documented(cls: type[attrs.AttrsInstance]) -> None:
    keys = [field for field in attrs.fields(cls) if reading(field) is not Reading.PART]

    assert [field.name for field in keys if not describe(field).doc.endswith((".", ".)", "s", "d"))] == []


@pytest.mark.parametrize("cls", SCHEMA, ids=lambda cls: cls.__name__)
def test_every_number_of_a_time_or_size_has_its_unit(cls: type[attrs.AttrsInstance]) -> None:
    names = [
        field.name for field in attrs.fields(cls) if field.name.split("_")[-1] in ("timeout", "time", "ttl", "size")
    ]

    assert [name for name in names if name not in ("min_size", "max_size")] == []
