"""Interface definitions: reads a `.thrift` file and makes the methods of its services ready to be called."""

import functools
import itertools
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from thriftpy2.parser import parser
from thriftpy2.parser.exc import ThriftParserError

from mesh_plugins.thrift.wire import BOOL, DOUBLE, I32, MAP, STRING, STRUCT
from mesh_plugins.thrift_json.definition import Definition, Method
from mesh_plugins.thrift_json.scalars import BINARY, BOOLEAN, DOUBLES, INTEGERS, TEXT, Enum, Type
from mesh_plugins.thrift_json.structures import Elements, Field, Pairs, Struct

BYTES = 18  # what thriftpy2 calls `binary`; on the wire it is a string
SCALARS: dict[int, Type] = {BOOL: BOOLEAN, DOUBLE: DOUBLES, STRING: TEXT, BYTES: BINARY, **INTEGERS}
SETTLED_NS = 50_000_000  # by which a file must be older than its reading; clocks of file systems tick every 4 to 10 ms
RESULT = 0  # the number of a method's result among the fields of its reply

_numbers = itertools.count(1)

# thriftpy2 makes classes and tuples whose shape depends on what they stand for.
Parsed = Any


def read_definition(path: str) -> Definition:
    """Read a file and what it includes. Raises `ValueError` with the file and the line of what is wrong."""
    if not path.endswith(".thrift") or "://" in path:
        raise ValueError(f"{path} is no name of a definition; expected a file whose name ends with .thrift")
    began = time.time_ns()
    try:
        module = _parse(path)
    except OSError as error:
        raise ValueError(_unreadable(path, error)) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8") from error
    except (
        ThriftParserError,
        ValueError,
        AttributeError,
        AssertionError,
        LookupError,
        TypeError,
        RecursionError,
    ) as error:
        raise ValueError(_told(path, error)) from error
    modules = list(_modules(module))
    unions = frozenset(union for one in modules for union in _defined(one, "unions"))
    reader = _Types(unions)
    services = {service.__name__: reader.methods(service) for service in _defined(module, "services")}
    if not services:
        raise ValueError(f"{path} defines no service")
    return Definition(services, tuple(_state(one.__thrift_file__, began) for one in modules))


def _parse(path: str) -> Parsed:
    """Parse a file and what it includes, which thriftpy2 keeps for ever by a name: one of its own for each time."""
    name = f"definition{next(_numbers)}.{Path(path).name.removesuffix('.thrift')}_thrift"
    parse: Callable[..., Parsed] = parser.parse  # which has no annotations
    return parse(path, module_name=name, enable_cache=False, include_dirs=[str(Path(path).parent)], parser=_grammar())


@functools.cache
def _grammar() -> Parsed:
    """Return the tables of the grammar, which thriftpy2 makes anew for each file: 24 ms, ten times what most files take."""
    library: Parsed = parser  # which does not say that it exports what it makes parsers with
    return library.yacc.yacc(module=parser, debug=False, write_tables=False)


def _state(file: str, began: int) -> tuple[str, int, int]:
    """Return what tells a file from what it was; one that changed about when it was read is like no other."""
    found = os.stat(file)
    is_settled = found.st_mtime_ns < began - SETTLED_NS
    return file, found.st_size, found.st_mtime_ns if is_settled else next(_numbers)


def _unreadable(path: str, error: OSError) -> str:
    where = "" if Path(path).is_absolute() else f" from the working directory {Path.cwd()}"
    return f"{path} cannot be read{where}: {error.strerror}"


def _told(path: str, error: Exception) -> str:
    """Return a parser's error as a user reads it; thriftpy2 tells the line, and mostly the file, in its text."""
    text = str(error) or "what it uses is not defined anywhere"  # which thriftpy2 asserts it is
    line = re.search(r",? ?at line (\d+)", text)
    named = re.search(r" of the file '([^']*)'", text)
    said = re.sub(r",? ?at line \d+| of the file '[^']*'", "", text)
    said = re.sub(r"Dead including on (.*)", r"\1 includes itself", said)
    where = named[1] if named else path
    number = int(line[1]) if line else _line(where, said)
    return f"{where}, line {number}: {said}" if number else f"{where}: {said}"


def _line(path: str, said: str) -> int:
    """Return the last line with the first name that an error quotes, where it tells no line; 0 if there is none."""
    name = re.search(r"'(?:-?\d+:)?([\w.]+)'|include thrift (\S+)", said)
    if name is None:
        return 0
    word = re.compile(rf"(?<![\w.]){re.escape(name[1] or name[2])}(?![\w.])")
    lines = Path(path).read_text(errors="replace").splitlines()
    return max((number for number, line in enumerate(lines, 1) if word.search(line)), default=0)


def _modules(module: Parsed, known: frozenset[str] = frozenset()) -> Iterator[Parsed]:
    if module.__name__ in known:
        return
    yield module
    for included in _defined(module, "includes"):
        yield from _modules(included, known | {module.__name__})


def _defined(module: Parsed, what: str) -> Sequence[Parsed]:
    """Return what a file defines of some kind; a file without any definition says nothing of itself."""
    found: Sequence[Parsed] = module.__dict__.get("__thrift_meta__", {}).get(what, ())
    return found


class _Types:
    """Makes types of what thriftpy2 has parsed. State: the structs made so far, since they may name each other."""

    def __init__(self, unions: frozenset[Parsed]) -> None:
        self._unions = unions
        self._structs: dict[Parsed, Struct] = {}

    def methods(self, service: Parsed) -> dict[str, Method]:
        return {name: self._method(service, name) for name in service.thrift_services}

    def _method(self, service: Parsed, name: str) -> Method:
        arguments, reply = getattr(service, f"{name}_args"), getattr(service, f"{name}_result")
        exceptions: dict[str, str] = {}
        for number, spec in reply.thrift_spec.items():
            if number != RESULT and spec[0] != STRUCT:
                raise ValueError(f"{service.__name__}.{name} throws {spec[1]}, which is no exception")
            if number != RESULT:
                exceptions[spec[1]] = spec[2].__name__
        is_void = RESULT not in reply.thrift_spec
        made = self._struct(arguments, f"{service.__name__}.{name}")
        return Method(service.__name__, name, made, self._struct(reply), exceptions, reply.oneway, is_void)

    def _struct(self, cls: Parsed, name: str = "") -> Struct:
        made = self._structs.get(cls)
        if made is None:
            made = self._structs[cls] = Struct(name or cls.__name__, is_union=cls in self._unions)
            made.take([self._field(number, spec) for number, spec in cls.thrift_spec.items()])
        return made

    def _field(self, number: int, spec: Parsed) -> Field:
        kind, name, *inner, is_required = spec
        return Field(number, name, self._type((kind, *inner)), is_required)

    def _type(self, spec: Parsed) -> Type:
        """Return a type: of a number, or a tuple of a number and what it holds, as thriftpy2 writes them."""
        kind, *held = spec if isinstance(spec, tuple) else (spec,)
        if not held:
            return SCALARS[kind]
        inner: Parsed = held[0]
        if kind == STRUCT:
            return self._struct(inner)
        if kind == MAP:
            return Pairs(self._type(inner[0]), self._type(inner[1]))
        if kind == I32:
            return Enum(inner.__name__, inner._NAMES_TO_VALUES)
        return Elements(kind, self._type(inner))
