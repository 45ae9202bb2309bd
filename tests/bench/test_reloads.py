"""What the reloads of a bench change."""

from tests.bench.reloads import FIRST, MORE, SECOND, STACK
from tests.proxies import settings_of


def test_the_two_stack_files_are_right_and_differ_in_dtab_filters_and_clients() -> None:
    texts = [
        STACK.format(admin=1, port=2, dtab=dtab.format(ports=(3, 4)), more=more)
        for dtab, more in ((FIRST, ""), (SECOND, MORE))
    ]

    first, second = (settings_of(text).routers[0] for text in texts)

    assert first.dtab != second.dtab
    assert first.filters != second.filters
    assert first.client != second.client
