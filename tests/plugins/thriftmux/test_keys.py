"""What a stack file says of ThriftMux."""

from mesh_plugins.mux.keys import MuxClientKeys
from mesh_plugins.thriftmux.keys import ThriftMuxClientKeys, ThriftMuxServerKeys


def test_a_client_has_the_keys_of_mux() -> None:
    assert ThriftMuxClientKeys().mux == MuxClientKeys()
    assert ThriftMuxClientKeys(ping_period_ms=None, ping_timeout_ms=7).mux == MuxClientKeys(
        ping_period_ms=None, ping_timeout_ms=7
    )


def test_frames_of_clients_are_taken_from_linkerds_files_with_a_warning() -> None:
    assert [name for name, _reason in ThriftMuxServerKeys(thrift_framed=True).config_warnings()] == ["thrift_framed"]
    assert list(ThriftMuxServerKeys().config_warnings()) == []
