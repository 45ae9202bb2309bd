"""What a stack file says of ThriftMux."""

from mesh_plugins.mux.keys import MuxClientKeys
from mesh_plugins.thriftmux.keys import ThriftMuxClientKeys


def test_a_client_has_the_keys_of_mux() -> None:
    assert ThriftMuxClientKeys().mux == MuxClientKeys()
    assert ThriftMuxClientKeys(ping_period_ms=None, ping_timeout_ms=7).mux == MuxClientKeys(
        ping_period_ms=None, ping_timeout_ms=7
    )
