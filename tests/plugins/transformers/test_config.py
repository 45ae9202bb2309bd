"""The keys of the transformers."""

from mesh_plugins.transformers.config import PortConfig


def test_the_port_is_part_of_its_own_prefix() -> None:
    assert PortConfig(4141).default_prefix == "io.l5d.port/4141"
