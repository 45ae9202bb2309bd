from tests.structure.source import EVERYTHING, functions, sources

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 60


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    wrong = {source.shown: len(source.lines) for source in sources(*EVERYTHING) if len(source.lines) > MOST_LINES}

    assert wrong == {}


def test_no_function_is_too_long_to_be_seen_at_once() -> None:
    sizes = {
        f"{source.shown}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for source in sources(*EVERYTHING)
        for node in functions(source)
    }

    assert {name: size for name, size in sizes.items() if size > MOST_LINES_OF_A_FUNCTION} == {}
