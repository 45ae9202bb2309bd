"""What an operator reads when a name leads nowhere: what was asked, which rules were taken, and where that ended."""

from mesh import Dtab, Interpreter, Path, explain_steps

MAX_STEPS = 30  # of a long way, the first and the last steps are shown


def unroutable_text(interpreter: Interpreter, local: Dtab, path: Path, cause: str) -> str:
    """Return the text for `path`, bound now under the base dtab and the override `local`; `cause` is a failed binding's."""
    explanation = explain_steps(interpreter.delegate(local, path).value)
    lines = []
    for step in explanation.steps:
        dentry = step.dentry
        rule = "" if dentry is None else f"  ({dentry.show()}{f', dtab line {dentry.line}' if dentry.line else ''})"
        lines.append(f"  {step.name}{rule}")
    if len(lines) > MAX_STEPS:
        lines[MAX_STEPS // 2 : -MAX_STEPS // 2] = ["  ..."]
    text = ["Unable to route request!", f"service name: {path.show()}", "rewrite steps:", *lines]
    text.append(f"ended: {cause or explanation.ending}")
    if explanation.others > 0:
        text.append(f"further rules that led nowhere: {explanation.others}")
    if len(local):
        text.append(f"override dtab: {local.show()}")
    text.append(f"to see every alternative: linker explain FILE {path.show()}")
    return "\n".join(text)
