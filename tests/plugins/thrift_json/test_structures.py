import pytest

from mesh_plugins.thrift.message import BINARY, Encoding
from mesh_plugins.thrift.wire import I32, LIST, SET, Malformed
from mesh_plugins.thrift_json.scalars import BOOLEAN, DOUBLES, INTEGERS, TEXT
from mesh_plugins.thrift_json.structures import Elements, Field, Pairs, Struct
from mesh_plugins.thrift_json.wrong import Json
from tests.plugins.thrift_json.passing import ENCODINGS, passed, refusal, written

NUMBER = INTEGERS[I32]


def tree() -> Struct:
    """A struct that holds others of its kind."""
    made = Struct("Tree")
    made.take(
        [
            Field(2, "children", Elements(LIST, made)),
            Field(1, "name", TEXT, is_required=True),
            Field(3, "flags", Pairs(TEXT, BOOLEAN)),
            Field(4, "weights", Pairs(DOUBLES, NUMBER)),
            Field(5, "kinds", Elements(SET, NUMBER)),
            Field(9, "by_number", Pairs(NUMBER, TEXT)),
        ]
    )
    return made


def either() -> Struct:
    """A union."""
    made = Struct("Either", is_union=True)
    made.take([Field(1, "left", NUMBER), Field(2, "right", TEXT)])
    return made


WHOLE: Json = {
    "name": "root",
    "children": [{"name": "a"}, {"name": "b", "children": []}],
    "flags": {"x": True, "y": False},
    "weights": [[0.5, 1], [2.5, 3]],
    "kinds": [1, 2],
    "by_number": {"1": "one", "-2": "two"},
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_struct_comes_back_as_it_was(encoding: Encoding) -> None:
    assert passed(tree(), WHOLE, encoding) == WHOLE


def test_what_is_null_is_left_out() -> None:
    assert passed(tree(), {"name": "a", "flags": None}) == {"name": "a"}


def test_fields_are_written_in_the_order_of_their_numbers() -> None:
    data = written(tree(), {"children": [], "name": "a"})

    assert data.hex() == "0c0001" + "0b00010000000161" + "0f00020c00000000" + "00" + "00"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([], "$: an object expected (Tree), not an array"),
        ({}, "$.name: Tree needs this field"),
        (
            {"name": "a", "nome": 1},
            "$.nome: Tree has no such field; it has name, children, flags, weights, kinds, by_number",
        ),
        ({"name": "a", "children": {}}, "$.children: an array expected, not an object"),
        ({"name": "a", "children": [{"name": "b"}, {"name": 1}]}, "$.children[1].name: a text expected, not 1"),
        ({"name": "a", "flags": {"x": 1}}, "$.flags.x: true or false expected, not 1"),
        ({"name": "a", "flags": []}, "$.flags: an object expected, not an array"),
        ({"name": "a", "weights": {}}, "$.weights: an array of arrays of a key and a value expected, not an object"),
        ({"name": "a", "weights": [[1.0, "x"]]}, "$.weights[0]: a whole number expected, not a text"),
        ({"name": "a", "by_number": {"x": "y"}}, "$.by_number.x: a whole number expected, not a text"),
        ({"name": "a", "kinds": [None]}, "$.kinds[0]: a whole number expected, not null"),
    ],
)
def test_it_is_said_where_a_value_is_wrong(value: Json, why: str) -> None:
    assert refusal(tree(), value) == why


@pytest.mark.parametrize("value", [{}, {"left": 1, "right": "x"}])
def test_a_union_has_exactly_one_field(value: Json) -> None:
    assert refusal(either(), value) == "$: exactly one of left, right expected (Either)"


def test_a_union_comes_back_as_it_was() -> None:
    assert passed(either(), {"right": "x"}) == {"right": "x"}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_fields_that_the_definition_does_not_have_are_passed_over(encoding: Encoding) -> None:
    older = Struct("Tree")
    older.take([Field(1, "name", TEXT), Field(5, "kinds", TEXT)])
    data = written(tree(), WHOLE, encoding)
    reader = encoding.reader(data, 0, len(data))
    reader.enter()
    reader.field()

    assert older.read(reader) == {"name": "root"}


@pytest.mark.parametrize(
    ("kind", "data"),
    [(Elements(LIST, NUMBER), "0b0000000100000000"), (Pairs(TEXT, NUMBER), "0b0b000000010000000000000000")],
)
def test_elements_of_another_type_cannot_be_read(kind: Elements | Pairs, data: str) -> None:
    read = bytes.fromhex(data)

    with pytest.raises(Malformed):
        kind.read(BINARY.reader(read, 0, len(read)))
