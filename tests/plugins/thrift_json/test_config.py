"""What a stack file says of the filter."""

import json

from tests.stackfiles import problems


def test_the_status_of_an_exception_is_one_of_a_final_reply() -> None:
    entry = {"kind": "io.l5d.thriftJson", "idl": "stacks/accounts.thrift", "exceptions": {"NotFound": 100}}
    router = {"protocol": "http", "servers": [{"port": 0}], "filters": {"endpoint": [entry]}}

    (found,) = problems(json.dumps({"routers": [router]}))

    assert "exceptions.NotFound: 100 found; expected a whole number from 200 to 599" in found
