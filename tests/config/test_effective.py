"""Defaults that depend on other values."""

from collections.abc import Callable

from mesh.config import Loaded

Read = Callable[[str], Loaded]


def test_labels_and_prefixes_are_filled_in(read: Read) -> None:
    stack = read(
        "namers: [{kind: files, rootDir: x}]\n"
        "routers:\n- {protocol: plain, servers: [{ip: '::1'}, {port: 0, label: mine}]}\n"
    ).stack

    assert stack.routers[0].label == "plain"
    assert [server.label for server in stack.routers[0].servers] == ["::1/4140", "mine"]
    assert stack.namers[0].prefix == "/io.l5d.files"
