"""What the protocol `thrift` brings."""

from mesh_plugins.thrift.protocol import STACK, make_request


def test_the_default_stack_keeps_its_own_rules() -> None:
    STACK.verify()

    assert [module.role for module in STACK if module.branch] == ["router", "binding", "balancer"]


def test_a_url_is_made_a_call() -> None:
    plain = make_request("GET", "thrift://x/users:get", [])
    addressed = make_request("GET", "thrift://x/get", [("Dest", "/users")])

    assert (plain.method, plain.header, plain.is_one_way) == (b"users:get", None, False)
    assert addressed.header is not None
    assert addressed.header.dest == b"/users"
