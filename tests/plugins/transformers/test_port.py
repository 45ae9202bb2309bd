"""The transformer that replaces ports."""

from mesh import AddrNeg, Path
from mesh_plugins.transformers.config import PortConfig
from mesh_plugins.transformers.port import port
from tests.plugins.transformers.transforming import PARAMS, become, hosts

TO_4141 = port(PortConfig(4141), Path.read("/%/io.l5d.port/4141"), PARAMS)


def test_every_address_gets_the_port() -> None:
    assert hosts(TO_4141, "10.0.0.1:80", "10.0.0.2:81") == ["10.0.0.1:4141", "10.0.0.2:4141"]


def test_a_host_stays_once() -> None:
    assert hosts(TO_4141, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.1:81") == ["10.0.0.1:4141", "10.0.0.2:4141"]


def test_what_is_no_address_set_stays() -> None:
    assert become(TO_4141, AddrNeg()) == AddrNeg()
