"""Stand-ins for installed kinds."""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import attrs

from mesh.keys import Category, Chosen, Kind, key
from mesh.naming.path import Path


@attrs.frozen(kw_only=True)
class PlainRouter:
    """The router keys of a protocol."""

    identifier: tuple[Chosen, ...] = key("", category=Category.IDENTIFIER, default_kind="io.l5d.token")
    engine: Literal["fast", "slow"] = key("", "fast")
    loudness: int = key("", 3, aliases=("volume",), least=0, most=11)

    def config_warnings(self) -> Iterator[tuple[str, str]]:
        if self.loudness > 10:
            yield "loudness", "hurts"


@attrs.frozen(kw_only=True)
class PlainServer:
    """The server keys of a protocol."""

    core_defaults: ClassVar[Mapping[str, object]] = {"port": 4140}

    depth: int = key("", 1000)
    colour: str | None = key("", None, built=False)


@attrs.frozen(kw_only=True)
class PlainService:
    """The service keys of a protocol."""

    core_defaults: ClassVar[Mapping[str, object]] = {"response_classifier": "io.l5d.strict"}


@attrs.frozen(kw_only=True)
class PlainClient:
    """The client keys of a protocol."""

    greeting: str = key("", "hello")


@attrs.frozen(kw_only=True)
class Token:
    header: str = key("", "Host")
    token: str = key("", "")
    shared_key: str = key("", "", secret=True)


@attrs.frozen(kw_only=True)
class Choosy:
    cookie: str = key("", "", protocols=("later", "plainer"))
    title: str = key("", "", protocols=("plain",))


@attrs.frozen(kw_only=True)
class Fixed:
    path: Path = key("")


@attrs.frozen(kw_only=True)
class Files:
    root_dir: str = key("")


@attrs.frozen(kw_only=True)
class Failures:
    failures: int = key("", least=1)


@attrs.frozen(kw_only=True)
class Effort:
    max_effort: int = key("", 5)


@attrs.frozen(kw_only=True)
class Pause:
    seconds: float = key("")
    reasons: dict[str, list[int]] = key("", factory=dict)

    def __attrs_post_init__(self) -> None:
        if self.seconds > 60:
            raise ValueError("a pause of more than a minute is too long")


PARTS = {"server": PlainServer, "service": PlainService, "client": PlainClient}
KINDS = (
    Kind("plain", Category.PROTOCOL, "Plain.", PlainRouter, parts=PARTS),
    Kind("fancy", Category.PROTOCOL, "Fancy.", experimental=True, built=False),
    Kind("later", Category.PROTOCOL, "Later.", built=False),
    Kind("io.l5d.token", Category.IDENTIFIER, "A token.", Token),
    Kind("io.l5d.fixed", Category.IDENTIFIER, "A fixed name.", Fixed, aliases=("constant",)),
    Kind("choosy", Category.FILTER, "Not for all.", Choosy),
    Kind("io.l5d.other", Category.IDENTIFIER, "Another protocol's.", protocols=("later",)),
    Kind("io.l5d.files", Category.NAMER, "Files.", Files),
    Kind("io.l5d.future", Category.NAMER, "Not built.", built=False),
    Kind("io.l5d.risky", Category.NAMER, "Experimental.", Files, experimental=True),
    Kind("default", Category.INTERPRETER, "The default."),
    Kind("p2c", Category.BALANCER, "Two choices.", Effort),
    Kind("ewma", Category.BALANCER, "Not built.", built=False),
    Kind("io.l5d.consecutiveFailures", Category.ACCRUAL, "In a row.", Failures),
    Kind("none", Category.ACCRUAL, "Never."),
    Kind("io.l5d.strict", Category.CLASSIFIER, "Strict."),
    Kind("io.l5d.lenient", Category.CLASSIFIER, "Lenient."),
    Kind("pause", Category.FILTER, "A pause.", Pause),
)
