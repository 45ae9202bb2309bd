"""Fields that are read in another way than from a key of their own."""

import attrs

from mesh.settings import ClientSettings, RouterSettings, ServiceSettings
from mesh.settings.reading import Reading, core_defaults, reading


def readings(cls: type[attrs.AttrsInstance]) -> dict[str, Reading]:
    return {field.name: reading(field) for field in attrs.fields(cls) if reading(field) is not Reading.KEY}


def test_a_router_chooses_its_protocol_among_its_own_keys() -> None:
    assert readings(RouterSettings) == {
        "protocol": Reading.HERE,
        "interpreter": Reading.SECTION,
        "service": Reading.SECTION,
        "client": Reading.SECTION,
    }


def test_services_and_clients_have_a_part_for_the_protocol() -> None:
    assert readings(ServiceSettings) == {"retries": Reading.MERGED, "extra": Reading.PART}
    assert readings(ClientSettings) == {"load_balancer": Reading.SECTION, "extra": Reading.PART}


def test_a_class_without_defaults_for_the_core_has_none() -> None:
    assert (core_defaults(None), core_defaults(RouterSettings)) == ({}, {})
