"""The admin pages that show the process from inside: what it is, what its tasks wait for, and how its stacks are made up."""

import os
import platform
from collections.abc import Callable, Iterator

import trio

from mesh.admin import Page, PageReply, PageRequest
from mesh.linker.assemble import Assembly
from mesh.stack import SECTIONS
from mesh.version import __version__

NAME = "linker"
MOST_TASKS = 2000  # that are shown: 5 ms


def inside_pages(assembly: Callable[[], Assembly]) -> list[Page]:
    """Return the pages; `assembly` returns the routers that there are when a page is asked for."""
    return [
        info_page(),
        Page("/admin/tasks", "every task, and the line of code that it waits in", _tasks, aliases=("/admin/threads",)),
        Page(
            "/admin/registry.json",
            "the roles of each router's stack, by section, outermost first",
            lambda _request: PageReply.of_json({"registry": _registry(assembly())}),
        ),
    ]


def info_page() -> Page:
    """Return `/admin/server_info`: name, version, process."""
    info = {"name": NAME, "version": __version__, "python": platform.python_version(), "pid": os.getpid()}
    return Page("/admin/server_info", "name, version, process", lambda _request: PageReply.of_json(info))


def _registry(assembly: Assembly) -> dict[str, dict[str, list[str]]]:
    return {
        router.label: {section: list(router.stack.section(section).roles) for section in SECTIONS}
        for router in assembly.routers
    }


def _tasks(_request: PageRequest) -> PageReply:
    root = trio.lowlevel.current_root_task()
    lines = [] if root is None else [line for line, _number in zip(_below(root, 0), range(MOST_TASKS), strict=False)]
    more = trio.lowlevel.current_statistics().tasks_living - len(lines)
    if more > 0:
        lines.append(f"… and {more} more")
    return PageReply.of_text("".join(f"{line}\n" for line in lines))


def _below(task: trio.lowlevel.Task, depth: int) -> Iterator[str]:
    """Yield a line for a task, and for each that it started, the deeper the further in."""
    yield f"{'  ' * depth}{task.name}  {_place(task)}"
    for nursery in task.child_nurseries:
        for child in sorted(nursery.child_tasks, key=lambda child: child.name):
            yield from _below(child, depth + 1)


def _place(task: trio.lowlevel.Task) -> str:
    """Return the innermost line of our own, or of a plugin, that a task waits in."""
    found = ""
    for frame, line in task.iter_await_frames():
        name = frame.f_globals.get("__name__", "")
        if not name.startswith("trio.") or not found:
            found = f"{name}.{frame.f_code.co_qualname}:{line}"
    return found
