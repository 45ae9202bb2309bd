"""The protocol `thrift`, its identifier and its classifiers, as kinds."""

from mesh import Category, Kind
from mesh_plugins.thrift.classifiers import AllSuccessfulConfig, ApplicationExceptionsConfig, DeclaredExceptionsConfig
from mesh_plugins.thrift.identifiers import ThriftConfig
from mesh_plugins.thrift.keys import ThriftClientKeys, ThriftRouterKeys, ThriftServerKeys


def _classifier(name: str, summary: str, config: type, function: str) -> Kind:
    factory = f"mesh_plugins.thrift.classifiers:{function}"
    return Kind(
        f"io.l5d.thrift.{name}", Category.CLASSIFIER, summary, config, factory, protocols=("thrift", "thriftmux")
    )


KINDS = (
    Kind(
        "thrift",
        Category.PROTOCOL,
        "Thrift routers, framed or buffered, binary or compact.",
        ThriftRouterKeys,
        "mesh_plugins.thrift.protocol:thrift",
        limits=("thrift_",),
        parts={"server": ThriftServerKeys, "client": ThriftClientKeys},
    ),
    Kind(
        "io.l5d.thrift",
        Category.IDENTIFIER,
        "Names a call by its destination, its service and its method.",
        ThriftConfig,
        "mesh_plugins.thrift.identifiers:thrift",
        protocols=("thrift",),
    ),
    _classifier(
        "applicationExceptions",
        "A `TApplicationException` is a failure.",
        ApplicationExceptionsConfig,
        "make_application_exceptions",
    ),
    _classifier(
        "declaredExceptions",
        "Every exception is a failure, one that the method declares too.",
        DeclaredExceptionsConfig,
        "make_declared_exceptions",
    ),
    _classifier(
        "allSuccessful", "Nothing is a failure but what has no reply.", AllSuccessfulConfig, "make_all_successful"
    ),
)
