"""What linkerd answers to stack files, and what must be refused, case by case, from the YAML files beside this one.

None of these cases is answered otherwise on purpose. Kinds and keys that are only planned are accepted where a case is
about something else.
"""

import pathlib
import textwrap
from typing import Any

import pytest
import yaml

from mesh.config import Loaded, read_text
from mesh.errors import ConfigError
from mesh.naming.path import Path
from mesh.plugins import find
from mesh.settings import ClientSettings, PerPrefix

HERE = pathlib.Path(__file__).parent
LINKERD = yaml.safe_load((HERE / "linkerd1.yaml").read_text())
BAD = yaml.safe_load((HERE / "bad_inputs.yaml").read_text())
MESSAGES = {
    "NoRoutersSpecified": "At least one router must be specified in the configuration.",
    "ConflictingLabels": "Multiple routers with the label",
    "ConflictingPorts": "Server conflict on port",
    "ConflictingStreamingOptions": "Can't disable streaming and set streamAfterContentLengthKB in",
}
ROUTER = "routers:\n- protocol: http\n  servers: [{port: 1}]\n  client:\n"


def load(text: str) -> Loaded:
    return read_text(text, file="stack.yaml", kinds=find(), allow_planned=True)


def client_of(text: str) -> PerPrefix[ClientSettings]:
    return load(ROUTER + textwrap.indent(text, "    ")).stack.routers[0].client


def answer(loaded: Loaded, question: str) -> Any:
    """Return what a case asks of a file that is right."""
    stack = loaded.stack
    match question:
        case "labels":
            return [router.label for router in stack.routers]
        case "admin":
            return f"{stack.admin.ip}:{stack.admin.port}".replace("127.0.0.1", "localhost")
        case "streaming":
            return stack.routers[0].protocol.config.streaming_enabled
    raise AssertionError(f"an unknown question: {question}")


def client_answer(settings: ClientSettings, question: str) -> Any:
    """Return what a case asks of the settings for one client."""
    match question:
        case "failureAccrual":
            return settings.failure_accrual.kind.name
        case "loadBalancer":
            return settings.load_balancer.chosen.kind.name
        case "common_name":
            return settings.tls.common_name if settings.tls is not None else None
    raise AssertionError(f"an unknown question: {question}")


@pytest.mark.parametrize("case", [case for case in LINKERD if "yaml" in case["given"]], ids=lambda case: case["id"])
def test_a_stack_file_is_answered_as_by_linkerd(case: dict[str, Any]) -> None:
    text, expected = case["given"]["yaml"], dict(case["expect"])
    if "error" not in expected and "error_equals" not in expected:
        loaded = load(text)

        assert {question: answer(loaded, question) for question in expected} == expected
        return

    with pytest.raises(ConfigError) as caught:
        read_text(text, file="stack.yaml", kinds=find())

    messages = [problem.message for problem in caught.value.problems]
    if "kind" in expected:
        assert any(MESSAGES[expected["kind"]] in message for message in messages)
    if "error_equals" in expected:
        assert messages == [expected["error_equals"]]


@pytest.mark.parametrize(
    "case", [case for case in LINKERD if "client_yaml" in case["given"]], ids=lambda case: case["id"]
)
def test_a_client_section_is_answered_as_by_linkerd(case: dict[str, Any]) -> None:
    section, expected = client_of(case["given"]["client_yaml"]), case["expect"]

    found = {
        question: {path: client_answer(section.resolve(Path.read(path)), question) for path in paths}
        for question, paths in expected.items()
    }

    assert found == expected


@pytest.mark.parametrize("case", [case for case in BAD if "yaml" in case["input"]], ids=lambda case: case["id"])
def test_a_bad_stack_file_is_refused_in_these_words(case: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        read_text(case["input"]["yaml"], file="stack.yaml", kinds=find())

    assert [words for words in case["expect"]["error_contains"] if words not in str(caught.value)] == []


def test_a_private_key_that_everybody_can_read_is_warned_of(tmp_path: pathlib.Path) -> None:
    """The case `cfg-env-secret`, which has no text of its own."""
    key = tmp_path / "key.pem"
    key.touch(mode=0o644)
    key.chmod(0o644)

    warnings = load(
        f"routers:\n- protocol: http\n  servers: [{{port: 1, tls: {{certPath: a, keyPath: {key}}}}}]\n"
    ).warnings

    assert any(warning.message == f"{key} can be read by everybody" for warning in warnings)
