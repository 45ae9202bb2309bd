"""linker's core: services, filters and stacks, and everything a plugin may import."""

from mesh.branches import Branch as Branch
from mesh.branches import BranchCounts as BranchCounts
from mesh.branches import Branches as Branches
from mesh.breakers import BREAKERS as BREAKERS
from mesh.breakers import Breakers as Breakers
from mesh.codec import SESSION as SESSION
from mesh.codec import NewSession as NewSession
from mesh.codec import Serve as Serve
from mesh.codec import Session as Session
from mesh.codec import Switch as Switch
from mesh.endpoint import ENDPOINT as ENDPOINT
from mesh.endpoint import HEALTH as HEALTH
from mesh.endpoint import NO_META as NO_META
from mesh.endpoint import Addr as Addr
from mesh.endpoint import AddrBound as AddrBound
from mesh.endpoint import AddrFailed as AddrFailed
from mesh.endpoint import AddrNeg as AddrNeg
from mesh.endpoint import AddrPending as AddrPending
from mesh.endpoint import Endpoint as Endpoint
from mesh.endpoint import Health as Health
from mesh.endpoint import Status as Status
from mesh.errors import AttemptTimeout as AttemptTimeout
from mesh.errors import BadRequestContext as BadRequestContext
from mesh.errors import BindingTimeout as BindingTimeout
from mesh.errors import ClientGone as ClientGone
from mesh.errors import ConfigError as ConfigError
from mesh.errors import ConnectFailed as ConnectFailed
from mesh.errors import DeadlineExceeded as DeadlineExceeded
from mesh.errors import FailedFast as FailedFast
from mesh.errors import IdleTimeout as IdleTimeout
from mesh.errors import LocalProtocolError as LocalProtocolError
from mesh.errors import MeshError as MeshError
from mesh.errors import Nacked as Nacked
from mesh.errors import NameSyntaxError as NameSyntaxError
from mesh.errors import NoRoute as NoRoute
from mesh.errors import Overloaded as Overloaded
from mesh.errors import PluginError as PluginError
from mesh.errors import Problem as Problem
from mesh.errors import RateLimited as RateLimited
from mesh.errors import RemoteProtocolError as RemoteProtocolError
from mesh.errors import ServerTimeout as ServerTimeout
from mesh.errors import TimedOut as TimedOut
from mesh.errors import TotalTimeout as TotalTimeout
from mesh.errors import Unavailable as Unavailable
from mesh.errors import Unidentified as Unidentified
from mesh.errors import Unroutable as Unroutable
from mesh.errors import UpstreamBroken as UpstreamBroken
from mesh.errors import UpstreamProtocolError as UpstreamProtocolError
from mesh.expiry import Expiry as Expiry
from mesh.expiry import sooner as sooner
from mesh.expiry import within as within
from mesh.hooks import hookimpl as hookimpl
from mesh.http import REASONS as REASONS
from mesh.http import HttpReply as HttpReply
from mesh.http import HttpRequest as HttpRequest
from mesh.http import InterimSink as InterimSink
from mesh.http import field as field
from mesh.http import without as without
from mesh.keys import Category as Category
from mesh.keys import Chosen as Chosen
from mesh.keys import Key as Key
from mesh.keys import Kind as Kind
from mesh.keys import key as key
from mesh.life import LIFE as LIFE
from mesh.life import Life as Life
from mesh.message import EMPTY as EMPTY
from mesh.message import Body as Body
from mesh.message import Buffered as Buffered
from mesh.message import Context as Context
from mesh.message import Fields as Fields
from mesh.message import Reply as Reply
from mesh.message import Request as Request
from mesh.message import TlsPeer as TlsPeer
from mesh.metrics import OTHER as OTHER
from mesh.metrics import Counter as Counter
from mesh.metrics import Gauge as Gauge
from mesh.metrics import Histogram as Histogram
from mesh.metrics import Metrics as Metrics
from mesh.metrics.prometheus import PROMETHEUS_TYPE as PROMETHEUS_TYPE
from mesh.metrics.prometheus import render_prometheus as render_prometheus
from mesh.naming.binding import held as held
from mesh.naming.delegation import Delegate as Delegate
from mesh.naming.delegation import DelegateLeaf as DelegateLeaf
from mesh.naming.delegation import Delegation as Delegation
from mesh.naming.delegation import Transformation as Transformation
from mesh.naming.delegation import addr_json as addr_json
from mesh.naming.delegation import is_settled as is_settled
from mesh.naming.delegation import map_leaves as map_leaves
from mesh.naming.drawing import AliasTable as AliasTable
from mesh.naming.drawing import alias_table as alias_table
from mesh.naming.dtab import EMPTY_DTAB as EMPTY_DTAB
from mesh.naming.dtab import WILDCARD as WILDCARD
from mesh.naming.dtab import Dentry as Dentry
from mesh.naming.dtab import Dtab as Dtab
from mesh.naming.dtab import Prefix as Prefix
from mesh.naming.explanation import explain_steps as explain_steps
from mesh.naming.explanation import steps_to as steps_to
from mesh.naming.interpreter import BASE_DTAB as BASE_DTAB
from mesh.naming.interpreter import INTERPRETER as INTERPRETER
from mesh.naming.interpreter import NAMERS as NAMERS
from mesh.naming.interpreter import SYSTEM_NAMER as SYSTEM_NAMER
from mesh.naming.interpreter import Interpreter as Interpreter
from mesh.naming.interpreter import LocalInterpreter as LocalInterpreter
from mesh.naming.namer import PENDING as PENDING
from mesh.naming.namer import SYSTEM_PREFIX as SYSTEM_PREFIX
from mesh.naming.namer import BoundName as BoundName
from mesh.naming.namer import BoundTree as BoundTree
from mesh.naming.namer import Failed as Failed
from mesh.naming.namer import Listing as Listing
from mesh.naming.namer import Looked as Looked
from mesh.naming.namer import Namer as Namer
from mesh.naming.namer import Pending as Pending
from mesh.naming.namer import Watching as Watching
from mesh.naming.path import EMPTY_PATH as EMPTY_PATH
from mesh.naming.path import Path as Path
from mesh.naming.pattern import PathPattern as PathPattern
from mesh.naming.pattern import substitute as substitute
from mesh.naming.transformer import AddrTransformer as AddrTransformer
from mesh.naming.transformer import Transformer as Transformer
from mesh.naming.tree import FAIL as FAIL
from mesh.naming.tree import NEG as NEG
from mesh.naming.tree import Alt as Alt
from mesh.naming.tree import Empty as Empty
from mesh.naming.tree import Fail as Fail
from mesh.naming.tree import Leaf as Leaf
from mesh.naming.tree import NameTree as NameTree
from mesh.naming.tree import Neg as Neg
from mesh.naming.tree import Union as Union
from mesh.naming.tree import Weighted as Weighted
from mesh.outcome import CLASSIFIER as CLASSIFIER
from mesh.outcome import Classifier as Classifier
from mesh.outcome import Outcome as Outcome
from mesh.outcome import classify_errors as classify_errors
from mesh.outcome import is_success as is_success
from mesh.params import Param as Param
from mesh.params import Params as Params
from mesh.plugins import load as load
from mesh.pool import Pool as Pool
from mesh.pool import pool as pool
from mesh.pool_limits import POOL_LIMITS as POOL_LIMITS
from mesh.pool_limits import POOL_STATS as POOL_STATS
from mesh.pool_limits import PoolLimits as PoolLimits
from mesh.pool_limits import PoolStats as PoolStats
from mesh.propagator import Carried as Carried
from mesh.propagator import Propagator as Propagator
from mesh.protocol import ClientState as ClientState
from mesh.protocol import NewProtocol as NewProtocol
from mesh.protocol import Parts as Parts
from mesh.reopening import REOPENING as REOPENING
from mesh.reopening import Reopening as Reopening
from mesh.service import AnyFilter as AnyFilter
from mesh.service import AnyService as AnyService
from mesh.service import Filter as Filter
from mesh.service import Service as Service
from mesh.settings import Backoff as Backoff
from mesh.settings import BalancerSettings as BalancerSettings
from mesh.settings import ClientSettings as ClientSettings
from mesh.settings import Limits as Limits
from mesh.settings import LocalitySettings as LocalitySettings
from mesh.settings import Retries as Retries
from mesh.settings import RetryBudget as RetryBudget
from mesh.settings import RouterSettings as RouterSettings
from mesh.settings import ServerSettings as ServerSettings
from mesh.settings import ServiceSettings as ServiceSettings
from mesh.settings import SlowStartSettings as SlowStartSettings
from mesh.settings import SocketOptions as SocketOptions
from mesh.stack import Make as Make
from mesh.stack import Module as Module
from mesh.stack import Stack as Stack
from mesh.stack import bind as bind
from mesh.stack import bind_watched as bind_watched
from mesh.stack import blame as blame
from mesh.stack import close_forgotten as close_forgotten
from mesh.stack import filtered as filtered
from mesh.target import BOUND as BOUND
from mesh.target import DST_PREFIX as DST_PREFIX
from mesh.target import METRICS as METRICS
from mesh.target import ONE_SHOT as ONE_SHOT
from mesh.target import PATH as PATH
from mesh.target import ROUTER_LABEL as ROUTER_LABEL
from mesh.target import SERVER_LABEL as SERVER_LABEL
from mesh.target import WORKERS as WORKERS
from mesh.telemeter import MetricsPage as MetricsPage
from mesh.telemeter import Telemeter as Telemeter
from mesh.tls import HelloReader as HelloReader
from mesh.tls import TlsConnection as TlsConnection
from mesh.tls import TlsConnector as TlsConnector
from mesh.tls import TlsContexts as TlsContexts
from mesh.trace import TraceId as TraceId
from mesh.trace import new_traces as new_traces
from mesh.trace import span_ids as span_ids
from mesh.transport import CONNECTOR as CONNECTOR
from mesh.transport import Connection as Connection
from mesh.transport import Connector as Connector
from mesh.transport import SocketConnection as SocketConnection
from mesh.transport import StreamConnection as StreamConnection
from mesh.transport import connect as connect
from mesh.var import Computed as Computed
from mesh.var import Fixed as Fixed
from mesh.var import Readable as Readable
from mesh.var import Reader as Reader
from mesh.var import Var as Var

__all__ = [
    "BASE_DTAB",
    "BOUND",
    "BREAKERS",
    "CLASSIFIER",
    "CONNECTOR",
    "DST_PREFIX",
    "EMPTY",
    "EMPTY_DTAB",
    "EMPTY_PATH",
    "ENDPOINT",
    "FAIL",
    "HEALTH",
    "INTERPRETER",
    "LIFE",
    "METRICS",
    "NAMERS",
    "NEG",
    "NO_META",
    "ONE_SHOT",
    "OTHER",
    "PATH",
    "PENDING",
    "POOL_LIMITS",
    "POOL_STATS",
    "PROMETHEUS_TYPE",
    "REASONS",
    "REOPENING",
    "ROUTER_LABEL",
    "SERVER_LABEL",
    "SESSION",
    "SYSTEM_NAMER",
    "SYSTEM_PREFIX",
    "WILDCARD",
    "WORKERS",
    "Addr",
    "AddrBound",
    "AddrFailed",
    "AddrNeg",
    "AddrPending",
    "AddrTransformer",
    "AliasTable",
    "Alt",
    "AnyFilter",
    "AnyService",
    "AttemptTimeout",
    "Backoff",
    "BadRequestContext",
    "BalancerSettings",
    "BindingTimeout",
    "Body",
    "BoundName",
    "BoundTree",
    "Branch",
    "BranchCounts",
    "Branches",
    "Breakers",
    "Buffered",
    "Carried",
    "Category",
    "Chosen",
    "Classifier",
    "ClientGone",
    "ClientSettings",
    "ClientState",
    "Computed",
    "ConfigError",
    "ConnectFailed",
    "Connection",
    "Connector",
    "Context",
    "Counter",
    "DeadlineExceeded",
    "Delegate",
    "DelegateLeaf",
    "Delegation",
    "Dentry",
    "Dtab",
    "Empty",
    "Endpoint",
    "Expiry",
    "Fail",
    "Failed",
    "FailedFast",
    "Fields",
    "Filter",
    "Fixed",
    "Gauge",
    "Health",
    "HelloReader",
    "Histogram",
    "HttpReply",
    "HttpRequest",
    "IdleTimeout",
    "InterimSink",
    "Interpreter",
    "Key",
    "Kind",
    "Leaf",
    "Life",
    "Limits",
    "Listing",
    "LocalInterpreter",
    "LocalProtocolError",
    "LocalitySettings",
    "Looked",
    "Make",
    "MeshError",
    "Metrics",
    "MetricsPage",
    "Module",
    "Nacked",
    "NameSyntaxError",
    "NameTree",
    "Namer",
    "Neg",
    "NewProtocol",
    "NewSession",
    "NoRoute",
    "Outcome",
    "Overloaded",
    "Param",
    "Params",
    "Parts",
    "Path",
    "PathPattern",
    "Pending",
    "PluginError",
    "Pool",
    "PoolLimits",
    "PoolStats",
    "Prefix",
    "Problem",
    "Propagator",
    "RateLimited",
    "Readable",
    "Reader",
    "RemoteProtocolError",
    "Reopening",
    "Reply",
    "Request",
    "Retries",
    "RetryBudget",
    "RouterSettings",
    "Serve",
    "ServerSettings",
    "ServerTimeout",
    "Service",
    "ServiceSettings",
    "Session",
    "SlowStartSettings",
    "SocketConnection",
    "SocketOptions",
    "Stack",
    "Status",
    "StreamConnection",
    "Switch",
    "Telemeter",
    "TimedOut",
    "TlsConnection",
    "TlsConnector",
    "TlsContexts",
    "TlsPeer",
    "TotalTimeout",
    "TraceId",
    "Transformation",
    "Transformer",
    "Unavailable",
    "Unidentified",
    "Union",
    "Unroutable",
    "UpstreamBroken",
    "UpstreamProtocolError",
    "Var",
    "Watching",
    "Weighted",
    "addr_json",
    "alias_table",
    "bind",
    "bind_watched",
    "blame",
    "classify_errors",
    "close_forgotten",
    "connect",
    "explain_steps",
    "field",
    "filtered",
    "held",
    "hookimpl",
    "is_settled",
    "is_success",
    "key",
    "load",
    "map_leaves",
    "new_traces",
    "pool",
    "render_prometheus",
    "sooner",
    "span_ids",
    "steps_to",
    "substitute",
    "within",
    "without",
]
