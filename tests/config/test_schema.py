"""The JSON schema accepts what is loaded and refuses what is not."""

import json
import pathlib
from typing import Any

import attrs
import jsonschema
import pytest
import yaml

from mesh.config.schema import schema
from mesh.keys import Category, Kind
from mesh.plugins import Kinds, find
from tests.config.stand_ins import KINDS

STACKS = sorted(pathlib.Path(__file__).parents[2].glob("stacks/**/*.yaml"))

GOOD = """
admin: {ip: 0.0.0.0, port: 9991, workerThreads: 2}
usage: {enabled: false}
namers:
- {kind: io.l5d.files, rootDir: disco, prefix: /x}
- {kind: risky, rootDir: disco, experimental: true}
- {kind: future, whatever: 1}
routers:
- protocol: plain
  label: 1.2
  volume: 4
  dtab: /svc => /#/x
  identifier: {kind: fixed, path: /a}
  interpreter:
  servers:
  - {}
  - {port: 0, profile: edge, depth: 3, limits: {max_header_fields: 7}, socketOptions: {noDelay: false}}
  client:
    kind: io.l5d.static
    configs:
    - {prefix: /, greeting: x, loadBalancer: {maxEffort: 2}}
    - {prefix: /a, failureAccrual: {kind: io.l5d.consecutiveFailures, failures: 3}, tls: {commonName: x}}
  service: {responseClassifier: {kind: lenient}}
  filters:
    server: [{remove: a}, {kind: pause, seconds: 1, before: x}, {kind: "mine:Own", own: 1}]
- {protocol: later, label: b, servers: [{port: 7, any: 1}], more: 2}
"""


@pytest.fixture(scope="module")
def validator() -> Any:
    written = json.loads(json.dumps(schema(Kinds(KINDS))))
    jsonschema.Draft202012Validator.check_schema(written)
    return jsonschema.Draft202012Validator(written)


def test_a_stack_of_everything_is_valid(validator: Any) -> None:
    assert [error.message for error in validator.iter_errors(yaml.safe_load(GOOD))] == []


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "{routers: {}}",
        "{routers: [], zzz: 1}",
        "{routers: [{servers: [{}]}]}",
        "{routers: [{protocol: plane, servers: [{}]}]}",
        "{routers: [{protocol: plain}]}",
        "{routers: [{protocol: fancy, servers: [{}]}]}",
        "{routers: [{protocol: plain, servers: [{port: '1'}]}]}",
        "{routers: [{protocol: plain, servers: [{port: 65536}]}]}",
        "{routers: [{protocol: plain, servers: [{profile: edgy}]}]}",
        "{routers: [{protocol: plain, servers: [{limits: {maxHeaders: 1}}]}]}",
        "{routers: [{protocol: plain, servers: [{greeting: x}]}]}",
        "{routers: [{protocol: plain, servers: [{}], loudness: 12}]}",
        "{routers: [{protocol: plain, servers: [{}], identifier: {}}]}",
        "{routers: [{protocol: plain, servers: [{}], identifier: {kind: fixed}}]}",
        "{routers: [{protocol: plain, servers: [{}], identifier: {kind: io.l5d.other}}]}",
        "{routers: [{protocol: plain, servers: [{}], client: {configs: []}}]}",
        "{routers: [{protocol: plain, servers: [{}], client: {kind: static}}]}",
        "{routers: [{protocol: plain, servers: [{}], client: {kind: static, configs: [{greeting: x}]}}]}",
        "{routers: [{protocol: plain, servers: [{}], client: {failureAccrual: {kind: consecutiveFailures}}}]}",
        "{routers: [{protocol: plain, servers: [{}], filters: {server: [{kind: pause}]}}]}",
        "{routers: [{protocol: plain, servers: [{}], filters: {server: [{kind: pauze, seconds: 1}]}}]}",
        "{routers: [], namers: [{kind: files}]}",
        "{routers: [], namers: [{kind: risky, rootDir: x}]}",
        "{routers: [], namers: [{rootDir: x}]}",
    ],
)
def test_a_broken_stack_is_not_valid(validator: Any, text: str) -> None:
    assert not validator.is_valid(yaml.safe_load(text))


def test_keys_kinds_and_defaults_are_documented() -> None:
    definitions = schema(Kinds(KINDS))["$defs"]

    server = definitions["ServerSettings (plain)"]["properties"]
    assert server["port"]["default"] == 4140
    assert server["announce"]["description"].endswith("(Known but not built yet.)")
    assert definitions["NamerSettings: io.l5d.future"]["description"] == "Not built. (Known but not built yet.)"


def test_two_classes_of_one_name_are_told_apart() -> None:
    one, two = (attrs.make_class("Same", {key: attrs.field(type=int, default=0)}) for key in "ab")
    config = attrs.make_class("Config", {"one": attrs.field(type=one), "two": attrs.field(type=two)})
    kinds = Kinds([*KINDS, Kind("both", Category.FILTER, "Both.", config)])

    definitions = schema(kinds)["$defs"]

    found = [definition for name, definition in definitions.items() if name.endswith("Same (plain)")]
    assert [list(definition["properties"]) for definition in found] == [["a"], ["b"]]


def test_every_installed_kind_is_in_the_schema() -> None:
    kinds = find()

    written = json.dumps(schema(kinds))

    named = [kind for kind in kinds.all() if not kind.protocols or "http" in kind.protocols]
    assert [kind.name for kind in named if json.dumps(kind.name) not in written] == []


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_every_example_stack_is_valid(path: pathlib.Path) -> None:
    written = json.loads(json.dumps(schema(find())))

    jsonschema.Draft202012Validator(written).validate(yaml.safe_load(path.read_text()))
