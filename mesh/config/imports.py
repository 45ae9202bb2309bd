"""Filters that a stack file names as `"my_module:MyFilter"`."""

import importlib
import inspect
import pathlib
import sys
import traceback
from typing import Any

import attrs

from mesh.config.scalars import MismatchError, nearest
from mesh.keys import Category, Kind

_EXPECTED = "`module:name` of an attrs class, of a class without arguments or of a function"


def import_filter(text: str, folder: pathlib.Path) -> tuple[Kind, Any]:
    """Import a filter and return its kind, and the filter itself if it takes no keys (None: an attrs class).

    `folder` is put first on `sys.path` and stays there, so that the module can import its neighbours later too. Raises
    `MismatchError` for whatever goes wrong.
    """
    module_name, _, name = text.partition(":")
    where = str(folder.absolute())
    if where not in sys.path:
        sys.path.insert(0, where)
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever a stranger's module raises
        raise MismatchError(f"`{module_name}` cannot be imported: {_last_line(error, folder)}", "") from error
    found = getattr(module, name, None)
    if found is None:
        raise MismatchError(f"`{module_name}` has no `{name}`", "", nearest(name, vars(module)))
    summary = (inspect.getdoc(found) or name).splitlines()[0]
    kind = Kind(name=text, category=Category.FILTER, summary=summary, plugin=module_name)
    if isinstance(found, type):
        if not any("__call__" in vars(parent) for parent in found.__mro__):
            raise MismatchError(f"`{text}` is no filter: it has no `__call__(self, request, service)`", _EXPECTED)
        if attrs.has(found):
            return attrs.evolve(kind, config=found), None
        return kind, _make(found, text, folder)
    if not callable(found):
        raise MismatchError(f"`{text}` is neither a class nor a function", _EXPECTED)
    return kind, found


def _make(cls: type, text: str, folder: pathlib.Path) -> Any:
    try:
        return cls()
    except Exception as error:  # whatever a stranger's class raises
        hint = "an attrs class, whose fields the stack file can give" if isinstance(error, TypeError) else ""
        raise MismatchError(f"`{text}` cannot be made: {_last_line(error, folder)}", hint) from error


def _last_line(error: BaseException, folder: pathlib.Path) -> str:
    """Return the last line of the traceback, and the last place in a file of `folder` that it went through, or tells of."""
    line = traceback.format_exception_only(error)[-1].strip()
    paths = [(pathlib.Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        paths.append((pathlib.Path(error.filename), error.lineno))
    places = [f" ({path.name}, line {number})" for path, number in paths if path.parent == folder.absolute()]
    return line + (places[-1] if places else "")
