"""What an operator reads of a name that leads nowhere."""

from mesh import EMPTY_DTAB, Dtab, Fixed, LocalInterpreter, Path
from mesh_plugins.unroutable import MAX_STEPS, unroutable_text

WEB = Path.read("/svc/web")


def text_of(dtab: str, *, local: Dtab = EMPTY_DTAB, cause: str = "") -> list[str]:
    return unroutable_text(LocalInterpreter(Fixed(Dtab.read(dtab))), local, WEB, cause).splitlines()


def test_the_name_each_step_with_its_rule_and_the_end_are_shown() -> None:
    assert text_of("/svc => /srv;\n/srv => /#/nowhere") == [
        "Unable to route request!",
        "service name: /svc/web",
        "rewrite steps:",
        "  /svc/web",
        "  /srv/web  (/svc=>/srv, dtab line 1)",
        "  /#/nowhere/web  (/srv=>/#/nowhere, dtab line 2)",
        "ended: not found: no rule and no namer knows it",
        "to see every alternative: linker explain FILE /svc/web",
    ]


def test_why_a_binding_failed_is_shown_instead_of_where_it_ended() -> None:
    assert "ended: the disk is gone" in text_of("/svc => /#/fs", cause="the disk is gone")


def test_dead_ends_beside_the_way_are_counted() -> None:
    assert "further rules that led nowhere: 1" in text_of("/svc => /a; /svc => /b")


def test_an_override_is_shown_and_its_rules_count() -> None:
    lines = text_of("/svc => /a", local=Dtab.read("/svc => /b"))

    assert "override dtab: /svc=>/b" in lines
    assert "  /b/web  (/svc=>/b, dtab line 1)" in lines


def test_a_stop_is_named() -> None:
    assert "ended: stopped here: fail" in text_of("/svc => !")


def test_of_a_long_way_the_first_and_the_last_steps_are_shown() -> None:
    rules = ";".join(f"/{number} => /{number + 1}" for number in range(50))

    lines = text_of(f"/svc => /0;{rules}")

    steps = [line for line in lines if line.startswith("  ")]
    assert len(steps) == MAX_STEPS + 1
    assert (steps[0], steps[MAX_STEPS // 2], steps[-1][:9]) == ("  /svc/web", "  ...", "  /50/web")
