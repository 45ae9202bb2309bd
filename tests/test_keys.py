from collections.abc import Sequence

import attrs
import pytest

from mesh.keys import KEY, Category, Chosen, Key, Kind, camel, describe, key, summary_of


@attrs.frozen(kw_only=True)
class Example:
    """A config class."""

    binding_timeout_ms: int = key("How long, in ms.", 10000, least=1)
    hosts: Sequence[str] = key("Which hosts.", factory=list, name="hosts[]", aliases=("host",))
    token: str = key("Who we are.", secret=True)
    balancer: object = key("What picks.", None, category=Category.BALANCER, default_kind="p2c")
    plain: int = 3


FIELDS = attrs.fields_dict(Example)


@pytest.mark.parametrize(
    ("name", "written"),
    [("port", "port"), ("binding_timeout_ms", "bindingTimeoutMs"), ("_private", "private"), ("a__b", "aB")],
)
def test_a_field_is_spelled_in_camel_case_in_a_stack_file(name: str, written: str) -> None:
    assert camel(name) == written


def test_a_key_is_described_as_it_was_declared() -> None:
    described = describe(FIELDS["binding_timeout_ms"])

    assert described == Key(doc="How long, in ms.", name="bindingTimeoutMs", least=1)


def test_a_key_may_have_a_spelling_of_its_own() -> None:
    described = describe(FIELDS["hosts"])

    assert (described.name, described.aliases) == ("hosts[]", ("host",))


def test_a_field_that_is_no_key_has_its_spelling_all_the_same() -> None:
    assert (describe(FIELDS["plain"]), KEY in FIELDS["plain"].metadata) == (Key(name="plain"), False)


def test_a_key_without_a_default_is_required() -> None:
    required = [name for name, field in FIELDS.items() if field.default is attrs.NOTHING]

    assert required == ["token"]
    with pytest.raises(TypeError, match="token"):
        Example()


def test_a_default_that_is_made_is_made_for_each() -> None:
    one, other = Example(token=""), Example(token="")

    assert one.hosts is not other.hosts


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (Kind("io.l5d.fs", Category.NAMER, ""), ("io.l5d.fs", "fs")),
        (Kind("io.l5d.ewma", Category.BALANCER, "", aliases=("peak",)), ("io.l5d.ewma", "ewma", "peak")),
        (Kind("greeting", Category.FILTER, ""), ("greeting",)),
    ],
)
def test_a_kind_answers_to_its_name_its_short_name_and_its_aliases(kind: Kind, names: tuple[str, ...]) -> None:
    assert kind.names == names


def test_kinds_can_be_kept_in_sets_whatever_their_parts() -> None:
    kind = Kind("http", Category.PROTOCOL, "", parts={"router": Example})

    assert len({kind, Kind("http", Category.PROTOCOL, "")}) == 1


class Plain:
    """A filter that takes no keys."""


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (Chosen(Kind("a", Category.FILTER, ""), 1, line=1), Chosen(Kind("a", Category.FILTER, ""), 1, line=2), True),
        (Chosen(Kind("a", Category.FILTER, ""), 1), Chosen(Kind("a", Category.FILTER, ""), 2), False),
        (Chosen(Kind("a", Category.FILTER, ""), 1), Chosen(Kind("b", Category.FILTER, ""), 1), False),
        (Chosen(Kind("a", Category.FILTER, ""), Plain()), Chosen(Kind("a", Category.FILTER, ""), Plain()), True),
        (Chosen(Kind("a", Category.FILTER, ""), Plain()), Chosen(Kind("a", Category.FILTER, ""), object()), False),
        (Chosen(Kind("a", Category.FILTER, ""), camel), Chosen(Kind("a", Category.FILTER, ""), describe), False),
    ],
)
def test_two_choices_are_equal_if_kind_and_settings_are_wherever_they_stand(
    one: Chosen, other: Chosen, is_same: bool
) -> None:
    assert (one == other) is is_same


def test_a_kind_is_summed_up_by_the_first_line_of_its_keys() -> None:
    class Config:
        """Lets nothing pass.

        And more of it.
        """

    assert summary_of(Config) == "Lets nothing pass."
