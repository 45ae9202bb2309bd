import pytest

from mesh_plugins.thrift_json.config import ThriftJsonConfig


def test_the_status_of_an_exception_is_one_of_a_final_reply() -> None:
    with pytest.raises(ValueError, match="the status of NotFound must be from 200 to 599, not 100"):
        ThriftJsonConfig("a.thrift", exceptions={"NotFound": 100})
