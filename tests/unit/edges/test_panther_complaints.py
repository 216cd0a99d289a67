"""Which part of an operation a server's refusal names, in the wordings of the common servers."""

import pytest
from graphql import build_schema, parse, validate
from hypothesis import given
from hypothesis import strategies as st

from triage.edges.panther.complaints import Part, PartKind, complaint_of

FIELD = Part(PartKind.FIELD, "Alert", "runbook")
ARGUMENT = Part(PartKind.ARGUMENT, "Query.sources", "input")
INPUT = Part(PartKind.INPUT_FIELD, "AlertsInput", "statuses")
TYPE = Part(PartKind.TYPE, "DeletedDetection")

WORDINGS = [
    # graphql-js, Apollo, graphql-core, gqlparser.
    ('Cannot query field "runbook" on type "Alert".', FIELD),
    ('Cannot query field "runbook" on type "Alert". Did you mean "rulebook"?', FIELD),
    ("Cannot query field 'runbook' on type 'Alert'.", FIELD),
    ('Unknown argument "input" on field "Query.sources".', ARGUMENT),
    ('Unknown argument "input" on field "sources" of type "Query".', Part(PartKind.ARGUMENT, "sources", "input")),
    ('Unknown type "DeletedDetection".', TYPE),
    (
        'Fragment cannot be spread here as objects of type "AlertOrigin" can never be of type "DeletedDetection".',
        TYPE,
    ),
    ('Variable "$input" got invalid value {"statuses": []}; Field "statuses" is not defined by type "AlertsInput".', INPUT),
    ('Field "statuses" is not defined by type "AlertsInput". Did you mean "status"?', INPUT),
    ("Variable '$input' has invalid value: Expected value of type 'AlertsInput' not to include unknown field 'statuses', found: {}", INPUT),
    # AppSync, graphql-java.
    ("Validation error of type FieldUndefined: Field 'runbook' in type 'Alert' is undefined @ 'alert/runbook'", FIELD),
    ("Validation error (FieldUndefined@[alert/runbook]) : Field 'runbook' in type 'Alert' is undefined", FIELD),
    ("Validation error of type UnknownArgument: Unknown field argument input @ 'sources'", Part(PartKind.ARGUMENT, "sources", "input")),
    ("Validation error of type UnknownArgument: Unknown field argument input", Part(PartKind.ARGUMENT, "", "input")),
    ("Validation error (UnknownArgument@[alert/events]) : Unknown field argument 'input'", Part(PartKind.ARGUMENT, "events", "input")),
    ("Validation error of type UnknownType: Unknown type DeletedDetection", TYPE),
    ("Validation error (UnknownType) : Unknown type 'DeletedDetection'", TYPE),
    ("The variables input contains a field that is not defined for input object type 'AlertsInput' ", Part(PartKind.INPUT_FIELD, "AlertsInput")),
    ("The variables input contains a field name 'statuses' that is not defined for input object type 'AlertsInput' ", INPUT),
]  # fmt: skip


@pytest.mark.parametrize(("message", "part"), WORDINGS)
def test_a_wording_names_the_part(message: str, part: Part) -> None:
    """A field, an argument, a field of an input or a type, with what it belongs to where the server says so."""
    assert complaint_of({"message": message, "path": None}) == part


def test_gqlgen_names_the_place_of_an_input_field() -> None:
    """Its message is two words; the path has the field."""
    error = {"message": "unknown field", "path": ["variable", "input", "statuses"]}
    assert complaint_of(error) == Part(PartKind.INPUT_FIELD, "", "statuses")
    assert complaint_of({"message": "unknown field", "path": ["alerts", "edges", "node"]}) is None


@pytest.mark.parametrize(
    "message",
    [
        "Not Authorized to access alerts on type Query",
        "Cannot return null for non-nullable field Alert.runbook.",
        'Variable "$input" got invalid value {"body": "; Field "a" is not defined by type "B"."}; Expected type "X".',
        'The rule said: Cannot query field "runbook" on type "Alert".',
        'Cannot query field "" on type "Alert".',
        'Cannot query field "a\nb" on type "Alert".',
        "",
    ],
)
def test_other_refusals_name_nothing(message: str) -> None:
    """A denial, a failure of the execution, or words that somebody else has written."""
    assert complaint_of({"message": message}) is None


def test_an_error_of_the_execution_names_nothing() -> None:
    """Where a part of the answer is named, the operation has run, perhaps behind a gateway: nothing may be sent again."""
    message = WORDINGS[0][0]
    assert complaint_of({"message": message, "path": ["createAlertComment", "comment"]}) is None
    assert complaint_of({"message": message, "path": []}) == FIELD


def test_what_was_sent_is_not_taken_for_a_complaint() -> None:
    """A server repeats the value that it refuses, which may hold anything: only the words behind it count."""
    text = 'Variable "$input" got invalid value {"body": "Field \\"body\\" is not defined by type \\"X\\"."}; '
    found = complaint_of({"message": text + 'Field "format" is not defined by type "CreateAlertCommentInput".'})
    assert found == Part(PartKind.INPUT_FIELD, "CreateAlertCommentInput", "format")


def test_a_long_value_hides_no_complaint() -> None:
    """Whether the words come before a value of a megabyte or behind it."""
    value = "x" * 1_000_000
    before = f"Variable '$input' has invalid value: Expected value of type 'AlertsInput' not to include unknown field 'statuses', found: {value}"
    behind = f'Variable "$input" got invalid value {value}; Field "statuses" is not defined by type "AlertsInput".'
    assert [complaint_of({"message": message}) for message in (before, behind)] == [INPUT, INPUT]


def test_graphql_cores_own_words_are_understood() -> None:
    """A field, an argument and a type that a schema lacks, as the library's validation of today says it."""
    schema = build_schema("type Query { a: A } type A { b: String }")
    for text, part in (
        ("{ a { c } }", Part(PartKind.FIELD, "A", "c")),
        ("{ a { b(d: 1) } }", Part(PartKind.ARGUMENT, "A.b", "d")),
        ("{ a { ... on E { b } } }", Part(PartKind.TYPE, "E")),
    ):
        (error,) = validate(schema, parse(text))
        assert complaint_of({"message": error.message}) == part


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.one_of(json_values, st.fixed_dictionaries({"message": json_values, "path": json_values})))
def test_any_answer_is_read(error: object) -> None:
    """Whatever a server puts into `errors`, reading it raises nothing and names only what may be a name."""
    part = complaint_of(error)  # type: ignore[arg-type]
    assert part is None or all(char.isidentifier() or char.isdigit() or char == "." for char in part.on + part.name)


@given(st.sampled_from(WORDINGS), st.integers(0, 200), st.text(max_size=20))
def test_a_spoiled_wording_is_read_or_not(wording: tuple[str, Part], cut: int, extra: str) -> None:
    """A message cut or with something inserted never raises."""
    message = wording[0][:cut] + extra + wording[0][cut:]
    complaint_of({"message": message})
