"""The keys of an access log; HTTP has them under linkerd's names."""

from collections.abc import Iterator

import attrs

from mesh import Params, key
from mesh_plugins.access_log.access_log import WRITER, LogOptions, open_log
from mesh_plugins.access_log.formats import LogFormat
from mesh_plugins.access_log.rolling import NEVER, RollPolicy

MAX_QUEUED = 10_000  # lines: half a second of 20,000 requests a second, some 10 MB


@attrs.frozen(kw_only=True)
class AccessLogKeys:
    """What a router says of its access log."""

    access_log: str | None = key("A file that gets a line for each call; `/dev/stdout` works, too.", None)
    access_log_format: LogFormat = key(
        "`common`, `json`, or operators of Envoy's such as `%DURATION%`.", LogFormat("common")
    )
    access_log_roll_policy: RollPolicy = key(
        "When a new file is begun: `never`, `hourly`, `daily`, `weekly(n)` with 1 for Sunday, or a size such as "
        "`3.megabytes`.",
        NEVER,
    )
    access_log_append: bool = key("Append to a file that exists; else it is begun anew.", True)
    access_log_rotate_count: int = key("How many old files are kept; -1 is all.", -1, least=-1)
    access_log_max_queued: int = key(
        "Calls that may wait to be written; those beyond are not logged, but counted.", MAX_QUEUED, least=1
    )

    def config_warnings(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the reason for each value that is accepted without effect."""
        if self.access_log is None:
            for name, field in attrs.fields_dict(type(self)).items():
                if name.startswith("access_log_") and getattr(self, name) != field.default:
                    yield name, "has no effect without a file to write to"


def logged(keys: AccessLogKeys, params: Params, name: str = "accessLog") -> Params:
    """Return the params with the writer of the router's access log, if it has one; `name` is of the key for its file."""
    if keys.access_log is None:
        return params
    options = LogOptions(
        keys.access_log_format,
        keys.access_log_roll_policy,
        keys.access_log_append,
        keys.access_log_rotate_count,
        keys.access_log_max_queued,
        name,
    )
    return params.put(WRITER, open_log(params, keys.access_log, options))
