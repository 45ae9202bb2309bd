"""Modules by role, and how they are folded into services."""

from collections.abc import Awaitable

import pytest

from mesh.errors import ConfigError
from mesh.message import Reply, Request
from mesh.params import Param, Params
from mesh.service import AnyService
from mesh.stack import Make, Module, Stack
from tests.trails import TRAIL, leaf, met

ENDPOINTS: Param[tuple[str, ...]] = Param(("a", "b"), "endpoints")


def layer(
    role: str,
    section: str = "",
    above: tuple[str, ...] = (),
    below: tuple[str, ...] = (),
    branch: str = "",
    entry: str = "",
) -> Module:
    """A module that adds its role to the trail."""

    def wrap(params: Params, rest: Make) -> AnyService:
        return rest(params.put(TRAIL, (*params[TRAIL], role)))

    return Module(role, wrap, above, below, "a reason", branch, section, entry=entry)


async def test_the_first_module_is_met_first() -> None:
    service = Stack([layer("one"), layer("two"), layer("three")]).build(Params(), leaf)

    assert await met(service) == ("one", "two", "three")


async def test_a_stack_without_modules_is_its_leaf() -> None:
    assert await met(Stack().build(Params(), leaf)) == ()


async def test_a_branch_point_builds_the_rest_as_often_as_it_likes() -> None:
    built: list[tuple[str, ...]] = []

    def wrap(params: Params, rest: Make) -> AnyService:
        services = [rest(params.put(TRAIL, (*params[TRAIL], endpoint))) for endpoint in params[ENDPOINTS]]

        def branch(request: Request, /) -> Awaitable[Reply]:
            return services.pop()(request)

        return branch

    def counting_leaf(params: Params) -> AnyService:
        built.append(params[TRAIL])
        return leaf(params)

    service = Stack([layer("top"), Module("branch", wrap), layer("pool")]).build(Params(), counting_leaf)

    assert built == [("top", "a", "pool"), ("top", "b", "pool")]
    assert [await met(service), await met(service)] == [("top", "b", "pool"), ("top", "a", "pool")]


def test_modules_are_put_in_taken_out_and_exchanged_by_role() -> None:
    default = Stack([layer("one"), layer("two")])
    new = layer("new")

    assert default.before("one", new).roles == ("new", "one", "two")
    assert default.before("two", new).roles == ("one", "new", "two")
    assert default.after("two", new).roles == ("one", "two", "new")
    assert default.replace("one", new).roles == ("new", "two")
    assert default.remove("one").roles == ("two",)


def test_a_change_leaves_the_stack_as_it_was() -> None:
    default = Stack([layer("one")])

    changed = default.after("one", layer("two")) + Stack([layer("three")])

    assert (default.roles, changed.roles, len(default), len(changed)) == (("one",), ("one", "two", "three"), 1, 3)


def test_a_role_that_is_not_there_cannot_be_a_place() -> None:
    default = Stack([layer("one")])

    for change in (default.before, default.after, default.replace):
        with pytest.raises(KeyError, match="nowhere"):
            change("nowhere", layer("new"))
    with pytest.raises(KeyError, match="nowhere"):
        default.remove("nowhere")


def test_a_stack_knows_its_roles_and_sections() -> None:
    whole = Stack([layer("stats", "server"), layer("router", "server"), layer("binding", "service")])

    assert ("router" in whole, "pool" in whole) == (True, False)
    assert (whole.section("server").roles, whole.section("client").roles) == (("stats", "router"), ())


def test_a_stack_whose_rules_are_kept_is_right() -> None:
    Stack([layer("one", above=("two", "nowhere")), layer("two", below=("one",))]).verify()


def test_every_broken_rule_and_every_double_role_is_told() -> None:
    wrong = Stack(
        [
            layer("one", below=("two", "three")),
            layer("two"),
            layer("three", above=("one", "two")),
            layer("two"),
        ]
    )

    with pytest.raises(ConfigError) as caught:
        wrong.verify()

    assert [problem.message for problem in caught.value.problems] == [
        "the role two occurs twice in the stack",
        "one must stand below two: a reason",
        "one must stand below three: a reason",
        "three must stand above one: a reason",
    ]


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        (
            [layer("errors", "server"), layer("mine", "server", above=("errors",), entry="filters.server[0]")],
            "filters.server[0]: mine must stand above errors: a reason; expected `before: errors`",
        ),
        (
            [layer("mine", "server", below=("errors",), entry="filters.server[0]"), layer("errors", "server")],
            "filters.server[0]: mine must stand below errors: a reason; expected `after: errors`",
        ),
        (
            [layer("mine", "server", below=("retries",), entry="filters.server[0]"), layer("retries", "service")],
            "filters.server[0]: mine must stand below retries: a reason; expected it in `filters.service`, `after: retries`",
        ),
        (
            [
                layer("mine", "server", below=("router",), entry="filters.server[0]"),
                layer("router", "server", branch="per name"),
            ],
            "filters.server[0]: mine must stand below router: a reason; expected it in `filters.service`",
        ),
        (
            [layer("errors", "server", entry="filters.server[2]"), layer("spans", "server", above=("errors",))],
            "filters.server[2]: spans must stand above errors: a reason; expected `after: spans`",
        ),
    ],
)
def test_a_rule_that_the_stack_file_breaks_is_told_of_its_entry(stack: list[Module], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Stack(stack).verify()

    assert [problem.show() for problem in caught.value.problems] == [expected]
