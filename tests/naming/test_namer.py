"""The namers of a router: who is asked for a path, and in which order."""

import pytest

from mesh.endpoint import AddrNeg
from mesh.naming.namer import PENDING, BoundName, Failed, Looked, Namers
from mesh.naming.path import EMPTY_PATH, Path
from mesh.naming.tree import FAIL, NEG, Leaf
from mesh.var import Fixed, Readable, Reader


class Answering:
    """A namer that answers always the same, and notes what it was asked for."""

    def __init__(self, answer: Looked) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def lookup(self, path: Path) -> Readable[Looked]:
        self.asked.append(path.show())
        return Fixed(self.answer)


class Raising:
    def lookup(self, path: Path) -> Readable[Looked]:
        raise ValueError("no idea")


def name(text: str) -> Leaf[Path | BoundName]:
    return Leaf(Path.read(text))


def test_a_namer_is_asked_for_what_follows_its_prefix() -> None:
    namer = Answering(name("/x"))
    namers = Namers([(Path.read("/#/fs"), namer)])

    answer = namers.ask(Path.read("/#/fs/web/rest"), Reader())

    assert (answer, namer.asked) == (name("/x"), ["/web/rest"])


def test_a_name_under_no_prefix_is_negative_and_nobody_is_asked() -> None:
    namer = Answering(name("/x"))
    namers = Namers([(Path.read("/#/fs"), namer)])

    answer = namers.ask(Path.read("/#/fsx/web"), Reader())

    assert (answer, namer.asked) == (NEG, [])


def test_of_two_namers_the_later_is_asked_first_and_a_negative_answer_goes_on() -> None:
    earlier, later = Answering(name("/earlier")), Answering(NEG)
    prefix = Path.read("/#/fs")

    answer = Namers([(prefix, earlier), (prefix, later)]).ask(Path.read("/#/fs/web"), Reader())

    assert (answer, later.asked) == (name("/earlier"), ["/web"])


@pytest.mark.parametrize("answer", [PENDING, Failed("down"), FAIL, name("/later")])
def test_any_other_answer_of_the_later_namer_stands(answer: Looked) -> None:
    earlier, later = Answering(name("/earlier")), Answering(answer)
    prefix = Path.read("/#/fs")

    actual = Namers([(prefix, earlier), (prefix, later)]).ask(Path.read("/#/fs/web"), Reader())

    assert (actual, earlier.asked) == (answer, [])


def test_the_system_namer_is_asked_last_and_only_under_its_prefix() -> None:
    system, configured = Answering(name("/system")), Answering(NEG)
    namers = Namers([(Path.read("/$"), configured)], system)

    answers = [namers.ask(Path.read(text), Reader()) for text in ("/$/inet/1", "/svc", "/$")]

    assert answers == [name("/system"), NEG, name("/system")]
    assert (configured.asked, system.asked) == (["/inet/1", "/"], ["/inet/1", "/"])


def test_a_namer_that_raises_fails_its_names_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    namers = Namers([(Path.read("/#/odd"), Raising())])

    answer = namers.ask(Path.read("/#/odd/web"), Reader())

    assert answer == Failed("the namer /#/odd raised ValueError: no idea")
    assert "the namer /#/odd raised on /#/odd/web" in caplog.text


def test_bound_names_are_equal_by_id_and_residual() -> None:
    one = BoundName(Path.read("/#/fs/web"), Path.read("/rest"), Fixed(AddrNeg()), 2.0)
    same = BoundName(Path.read("/#/fs/web"), Path.read("/rest"), Fixed(AddrNeg()))
    other = BoundName(Path.read("/#/fs/web"), EMPTY_PATH, Fixed(AddrNeg()))

    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert str(one) == "/#/fs/web/rest"
