"""Classes that share no compiled code with others.

CPython specialises a look at an attribute for one class: a method that two classes inherit, and use by turns, is slow in both.
"""

from types import FunctionType
from typing import TypeVar

_Class = TypeVar("_Class")


def with_own_code(made: type[_Class]) -> type[_Class]:
    """Give a class copies of the methods that it inherits: a decorator, for classes of which each byte is served."""
    for above in made.__mro__[1:-1]:
        for name, method in list(vars(above).items()):
            if isinstance(method, FunctionType) and name not in vars(made):
                setattr(made, name, _copy(method))
    return made


def _copy(method: FunctionType) -> FunctionType:
    copied = FunctionType(
        method.__code__.replace(), method.__globals__, method.__name__, method.__defaults__, method.__closure__
    )
    copied.__kwdefaults__ = method.__kwdefaults__
    copied.__qualname__ = method.__qualname__
    copied.__doc__ = method.__doc__
    return copied
