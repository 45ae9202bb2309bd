"""Interface definitions: reads a `.thrift` file and makes the methods of its services ready to be called."""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
from thriftpy2.parser import parser
from thriftpy2.parser.exc import ThriftParserError

from mesh import ConfigError, Problem
from mesh_plugins.thrift.wire import BOOL, DOUBLE, I32, MAP, STRING, STRUCT
from mesh_plugins.thrift_json.scalars import BINARY, BOOLEAN, DOUBLES, INTEGERS, TEXT, Enum, Type
from mesh_plugins.thrift_json.structures import Elements, Field, Pairs, Struct

BYTES = 18  # what thriftpy2 calls `binary`; on the wire it is a string
SCALARS: dict[int, Type] = {BOOL: BOOLEAN, DOUBLE: DOUBLES, STRING: TEXT, BYTES: BINARY, **INTEGERS}
RESULT = 0  # the number of a method's result among the fields of its reply

_numbers = itertools.count(1)

# thriftpy2 makes classes and tuples whose shape depends on what they stand for.
Parsed = Any


@attrs.frozen
class Method:
    """A method of a service. `exceptions` are the names of those that it declares, by their field in the reply."""

    service: str
    name: str
    arguments: Struct
    reply: Struct
    exceptions: dict[str, str]
    is_one_way: bool
    is_void: bool


@attrs.frozen
class Definition:
    """What a file defines: the methods of each service."""

    services: dict[str, dict[str, Method]]


def read_definition(path: str) -> Definition:
    """Read a file and what it includes. Raises `ConfigError` with the file and the line of what is wrong."""
    try:
        module = _parse(path)
    except OSError as error:
        raise ConfigError(Problem(f"{path} cannot be read: {error.strerror}", key="idl")) from error
    except (
        ThriftParserError,
        ValueError,
        AttributeError,
        AssertionError,
        LookupError,
        TypeError,
        RecursionError,
    ) as error:
        raise ConfigError(_problem(path, error)) from error
    unions = frozenset(union for one in _modules(module) for union in _defined(one, "unions"))
    reader = _Types(unions)
    services = {service.__name__: reader.methods(service) for service in _defined(module, "services")}
    if not services:
        raise ConfigError(Problem(f"{path} defines no service", key="idl"))
    return Definition(services)


def _parse(path: str) -> Parsed:
    """Parse a file and what it includes, which thriftpy2 keeps for ever by a name: one of its own for each time."""
    name = f"definition{next(_numbers)}.{Path(path).name.removesuffix('.thrift')}_thrift"
    parse: Callable[..., Parsed] = parser.parse  # which has no annotations
    return parse(path, module_name=name, enable_cache=False, include_dirs=[str(Path(path).parent)])


def _problem(path: str, error: Exception) -> Problem:
    """Return a parser's error as the problem that it is; thriftpy2 tells the line, and mostly the file, in its text."""
    text = str(error) or "what it uses is not defined anywhere"  # which thriftpy2 asserts it is
    line = re.search(r",? ?at line (\d+)", text)
    named = re.search(r" of the file '([^']*)'", text)
    said = re.sub(r",? ?at line \d+| of the file '[^']*'", "", text)
    where = named[1] if named else path
    number = int(line[1]) if line else _line(where, said)
    at = f"{where}, line {number}" if number else where
    return Problem(f"{at}: {said}", key="idl")


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
                raise ConfigError(
                    Problem(f"{service.__name__}.{name} throws {spec[1]}, which is no exception", key="idl")
                )
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
