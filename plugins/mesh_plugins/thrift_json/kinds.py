"""The filter that crosses from HTTP to Thrift."""

from mesh import Category, Kind
from mesh_plugins.thrift_json.config import ThriftJsonConfig

KINDS = (
    Kind(
        "io.l5d.thriftJson",
        Category.FILTER,
        "Calls a Thrift service with the JSON bodies of HTTP requests and of calls of gRPC.",
        ThriftJsonConfig,
        "mesh_plugins.thrift_json.thrift_json:thrift_json",
        protocols=("http", "h2", "grpc"),
        aliases=("thrift.json",),
    ),
)
