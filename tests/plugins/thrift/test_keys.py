"""What is said of keys that hardly mean what they say together."""

from tests.stackfiles import loaded


def test_an_upgrade_without_frames_is_warned_of() -> None:
    client = "client: {thriftFramed: false, attemptTTwitterUpgrade: true}"
    text = f"routers:\n- protocol: thrift\n  servers: [{{timeoutMs: 1}}]\n  {client}\n"

    (warning,) = loaded(text, "f").warnings

    assert "Finagle's servers" in warning.show()
