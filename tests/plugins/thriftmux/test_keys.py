"""What a stack file says of ThriftMux."""

import pytest

from mesh_plugins.mux.keys import MuxClientKeys
from mesh_plugins.thrift.keys import ThriftClientKeys
from mesh_plugins.thriftmux.keys import ThriftMuxClientKeys, ThriftMuxServerKeys


def test_a_client_has_the_keys_of_mux() -> None:
    assert ThriftMuxClientKeys().mux == MuxClientKeys()
    assert ThriftMuxClientKeys(ping_period_ms=None, ping_timeout_ms=7).mux == MuxClientKeys(
        ping_period_ms=None, ping_timeout_ms=7
    )


def test_frames_of_clients_are_taken_from_linkerds_files_with_a_warning() -> None:
    assert [name for name, _reason in ThriftMuxServerKeys(thrift_framed=True).config_warnings()] == ["thrift_framed"]
    assert list(ThriftMuxServerKeys().config_warnings()) == []


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (ThriftMuxClientKeys(), None),
        (ThriftMuxClientKeys(protocol="thriftmux", thrift_framed=True), None),
        (ThriftMuxClientKeys(protocol="thrift"), ThriftClientKeys()),
        (ThriftMuxClientKeys(thrift_framed=False), ThriftClientKeys(thrift_framed=False)),
        (ThriftMuxClientKeys(thrift_protocol="compact"), ThriftClientKeys(thrift_protocol="compact")),
        (ThriftMuxClientKeys(thrift_calls_per_connection=2), ThriftClientKeys(thrift_calls_per_connection=2)),
        (
            ThriftMuxClientKeys(thrift_framed=True, attempt_ttwitter_upgrade=True),
            ThriftClientKeys(attempt_ttwitter_upgrade=True),
        ),
    ],
)
def test_endpoints_speak_plain_thrift_where_the_file_says_how(
    keys: ThriftMuxClientKeys, expected: ThriftClientKeys | None
) -> None:
    assert keys.plain == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (ThriftMuxClientKeys(), []),
        (ThriftMuxClientKeys(thrift_framed=False), []),
        (ThriftMuxClientKeys(protocol="thriftmux", thrift_framed=False), ["thrift_framed"]),
        (ThriftMuxClientKeys(thrift_framed=False, attempt_ttwitter_upgrade=True), ["attempt_ttwitter_upgrade"]),
    ],
)
def test_keys_without_effect_are_warned_of(keys: ThriftMuxClientKeys, expected: list[str]) -> None:
    assert [name for name, _reason in keys.config_warnings()] == expected
