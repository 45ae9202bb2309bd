"""The hook of the built-in plugins."""

from mesh import Kind, hookimpl
from mesh_plugins.accrual.kinds import KINDS as ACCRUAL
from mesh_plugins.balancers.kinds import KINDS as BALANCERS
from mesh_plugins.classifiers.kinds import KINDS as CLASSIFIERS
from mesh_plugins.filters.kinds import KINDS as FILTERS
from mesh_plugins.grpc.kinds import KINDS as GRPC
from mesh_plugins.interpreters.kinds import KINDS as INTERPRETERS
from mesh_plugins.kinds import KINDS
from mesh_plugins.labelers.kinds import KINDS as LABELERS
from mesh_plugins.mux.kinds import KINDS as MUX
from mesh_plugins.namers.kinds import KINDS as NAMERS
from mesh_plugins.planned import PLANNED
from mesh_plugins.propagators.kinds import KINDS as PROPAGATORS
from mesh_plugins.tcp.kinds import KINDS as TCP
from mesh_plugins.telemeters.kinds import KINDS as TELEMETERS
from mesh_plugins.thrift.kinds import KINDS as THRIFT
from mesh_plugins.thrift_json.kinds import KINDS as THRIFT_JSON
from mesh_plugins.thriftmux.kinds import KINDS as THRIFTMUX
from mesh_plugins.transformers.kinds import KINDS as TRANSFORMERS


@hookimpl
def mesh_kinds() -> tuple[Kind, ...]:
    """Return every built-in kind, those included that are only planned."""
    return (
        *KINDS,
        *ACCRUAL,
        *BALANCERS,
        *CLASSIFIERS,
        *FILTERS,
        *GRPC,
        *NAMERS,
        *INTERPRETERS,
        *LABELERS,
        *MUX,
        *PROPAGATORS,
        *TCP,
        *TELEMETERS,
        *THRIFT,
        *THRIFTMUX,
        *THRIFT_JSON,
        *TRANSFORMERS,
        *PLANNED,
    )
