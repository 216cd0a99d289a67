"""The operations without what a server lacks."""

import pytest
from graphql import build_ast_schema, parse, validate
from hypothesis import given
from hypothesis import strategies as st

from triage.edges.panther.complaints import Part, PartKind
from triage.edges.panther.documents import document_of, request_of, values_without
from triage.edges.panther.operations import (
    ALERT_EVENTS,
    ALERTS,
    ALL,
    CREATE_COMMENT,
    INTROSPECTION,
    SOURCES,
    USERS,
    Operation,
)
from triage.resources import panther_schema
from triage.sandbox.smaller import without

OURS = tuple(operation for operation in ALL if operation is not INTROSPECTION)
"""GraphQL itself defines what introspection asks for."""


def optional(operation: Operation) -> list[Part]:
    """The parts that an operation can do without."""
    document = document_of(operation)
    return sorted(part for part in document.parts if not document.needs(part))


def sent(operation: Operation, left_out: frozenset[Part] = frozenset()) -> str:
    """The text of an operation."""
    location = request_of(operation, left_out)[0].document.loc
    assert location is not None
    return location.source.body


@given(st.data())
def test_without_any_optional_parts_an_operation_is_valid(data: st.DataObject) -> None:
    """On a server that lacks them, for any choice of parts of any operation; no mark is ever sent."""
    operation = data.draw(st.sampled_from(OURS))
    found = optional(operation)
    left_out = frozenset(data.draw(st.sets(st.sampled_from(found)))) if found else frozenset()
    # A type without any field is no valid schema, but what is asked of the others is.
    schema = build_ast_schema(without(parse(panther_schema()), {str(part) for part in left_out}), assume_valid=True)
    assert validate(schema, request_of(operation, left_out)[0].document) == []
    assert "@" not in sent(operation, left_out)


def test_what_identifies_and_orders_is_needed() -> None:
    """Ids, times of creation, pages, the state of a query: without them nothing can be done."""
    needed = {
        str(part) for operation in OURS for part in document_of(operation).parts if document_of(operation).needs(part)
    }
    assert {
        "Alert.id",
        "Alert.createdAt",
        "Alert.type",
        "AlertsInput.createdAtAfter",
        "AlertsInput.logTypes",
        "AlertsOutputPageInfo.endCursor",
        "Comment.id",
        "CreateAlertCommentInput.body",
        "DataLakeQuery.status",
        "ExecuteDataLakeQueryInput.sql",
        "LogIntegration.integrationId",
    } <= needed  # fmt: skip


def test_a_needed_part_takes_the_optional_one_around_it_along() -> None:
    """A role without its name is of no use; the user is."""
    (part,) = (each for each in optional(USERS) if str(each) == "Role.name")
    text = sent(USERS, frozenset({part}))
    assert "role" not in text
    assert "email" in text


def test_unused_fragments_and_variables_go_too() -> None:
    """A server refuses a document that has them."""
    (created_by,) = (each for each in optional(CREATE_COMMENT) if str(each) == "Comment.createdBy")
    assert "fragment" not in sent(CREATE_COMMENT, frozenset({created_by}))
    (argument,) = (each for each in optional(SOURCES) if str(each) == "Query.sources(input)")
    assert "$" not in sent(SOURCES, frozenset({argument}))
    assert values_without(SOURCES, {"input": {"cursor": None}}, frozenset({argument})) == {}


def test_input_fields_leave_the_variables() -> None:
    """The text stays as it is: the fields are in what is sent with it."""
    left_out = frozenset(each for each in optional(ALERTS) if each.name in ("statuses", "pageSize"))
    values = {"input": {"statuses": ["OPEN"], "pageSize": 5, "cursor": None}}
    assert values_without(ALERTS, values, left_out) == {"input": {"cursor": None}}
    assert sent(ALERTS, left_out) == sent(ALERTS)
    assert values["input"]["pageSize"] == 5


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (Part(PartKind.FIELD, "Alert", "runbook"), ["Alert.runbook"]),
        (Part(PartKind.FIELD, "AlertV2", "runbook"), ["Alert.runbook"]),
        (Part(PartKind.FIELD, "Alarm", "type"), []),
        (Part(PartKind.FIELD, "Alert", "secret"), []),
        (Part(PartKind.ARGUMENT, "", "input"), ["Query.alerts(input)"]),
        (Part(PartKind.INPUT_FIELD, "", "statuses"), ["AlertsInput.statuses"]),
        (Part(PartKind.INPUT_FIELD, "AlertsInput"), ["AlertsInput.pageSize", "AlertsInput.severities", "AlertsInput.sortBy", "AlertsInput.statuses"]),
        (Part(PartKind.TYPE, "DeletedDetection"), ["DeletedDetection"]),
    ],
)  # fmt: skip
def test_a_complaint_is_about_a_part_of_the_operation(said: Part, meant: list[str]) -> None:
    """By name and type, by name alone where only one is meant; an input whose field isn't named loses the optional ones."""
    assert sorted(map(str, document_of(ALERTS).meant_by(said))) == meant


def test_paging_arguments_may_go() -> None:
    """A server without them gives its first page."""
    assert "AlertEventsInput" in sent(ALERT_EVENTS)
    left_out = frozenset(each for each in optional(ALERT_EVENTS) if each.kind is PartKind.ARGUMENT)
    assert "AlertEventsInput" not in sent(ALERT_EVENTS, left_out)
