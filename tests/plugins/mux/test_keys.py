"""What a stack file says of Mux."""

from mesh_plugins.mux.keys import MuxClientKeys, MuxServerKeys, ping_period_key, ping_timeout_key


def test_endpoints_are_pinged_as_often_as_by_finagle() -> None:
    keys = MuxClientKeys()

    assert (keys.ping_period_ms, keys.ping_timeout_ms) == (5000, 4000)
    assert ping_period_key() is not ping_timeout_key()


def test_the_port_is_linkerds() -> None:
    assert MuxServerKeys.core_defaults["port"] == 4141
