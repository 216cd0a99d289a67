"""How another schema differs from the one that the program was written against, as far as its operations go."""

import pytest
from graphql import GraphQLSchema, build_ast_schema, build_schema, parse

from tests.support.shared import shared_path
from triage.edges.panther.documents import known_schema
from triage.edges.panther.schema_diff import (
    PARTLY_KNOWN,
    Difference,
    deprecated_in,
    differences_of,
    missing_in,
    new_in,
)
from triage.resources import panther_schema
from triage.sandbox.smaller import without


def changed(*pairs: tuple[str, str]) -> GraphQLSchema:
    """Our schema with some of its text replaced."""
    text = panther_schema()
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return build_schema(text)


def lacking(*names: str) -> GraphQLSchema:
    """Our schema without some of its parts."""
    return build_ast_schema(without(parse(panther_schema()), set(names)), assume_valid=True)


def test_our_own_schema_does_not_differ() -> None:
    """Nothing is missing, deprecated or new."""
    schema = known_schema()
    assert (missing_in(schema), deprecated_in(schema), new_in(schema)) == ((), (), ())


def test_the_published_schema_does_not_differ() -> None:
    """Panther's own of July 2025 has nothing that our part of it lacks, but in the types that are listed as partly known."""
    official = build_schema(shared_path("reference/panther.graphql").read_text("utf-8"))
    assert missing_in(official) == ()
    assert new_in(official) == ()
    ours = known_schema().type_map
    partly = {
        name
        for name in PARTLY_KNOWN
        if set(official.type_map[name].fields) > set(ours[name].fields)  # type: ignore[attr-defined]
    }
    assert partly == PARTLY_KNOWN


@pytest.mark.parametrize(
    ("name", "operations", "needed"),
    [
        ("Alert.runbook", ("Alerts", "Alert"), False),
        ("Alert.createdAt", ("Alerts", "Alert", "AlertIds"), True),
        ("AlertsInput.statuses", ("Alerts", "AlertIds"), False),
        ("AlertsInput.cursor", ("Alerts", "AlertIds"), True),
        ("Query.sources(input)", ("Sources",), False),
        ("Query.users", ("Users",), True),
        ("Role.name", ("Users",), False),
        ("DeletedDetection", ("Alerts", "Alert"), False),
    ],
)
def test_what_is_missing_is_named_with_the_operations(name: str, operations: tuple[str, ...], needed: bool) -> None:
    """A field, an input's field, an argument, a whole type; and whether an operation fails for it."""
    assert missing_in(lacking(name)) == (Difference(name, operations, needed),)


def test_what_does_not_fit_at_all_is_said_in_the_servers_words() -> None:
    """An argument of another type makes the operation fail; which part that is can't be told."""
    (difference,) = missing_in(changed(("  alert(id: ID!): Alert!", "  alert(id: Int!): Alert!")))[:1]
    assert difference.needed
    assert difference.name.startswith("Alert: Variable ")


def test_what_is_deprecated_has_its_reason() -> None:
    """A field, an argument, an input's field; only what the program uses, and the reason is one line."""
    schema = changed(
        ("  runbook: String!\n", '  runbook: String! @deprecated(reason: "use\\nplaybooks")\n'),
        ("  statuses: [AlertStatus!]\n", '  statuses: [AlertStatus!] @deprecated(reason: "use states")\n'),
        ("sources(input: SourcesInput)", 'sources(input: SourcesInput @deprecated(reason: "use cursor"))'),
        ("  deliveries: [AlertDelivery]!\n", "  deliveries: [AlertDelivery]! @deprecated\n"),
    )
    assert deprecated_in(schema) == (
        Difference("Alert.runbook", ("Alerts", "Alert"), text="use playbooks"),
        Difference("AlertsInput.statuses", ("Alerts", "AlertIds"), text="use states"),
        Difference("Query.sources(input)", ("Sources",), text="use cursor"),
    )


def test_what_is_new_is_of_the_types_in_use() -> None:
    """Fields, input fields, enum values and members of unions; neither other types nor other queries."""
    schema = changed(
        ("type Alert {\n", "type Alert {\n  quality: String\n"),
        ("input AlertsInput {\n", "input AlertsInput {\n  quality: String\n"),
        ("enum Severity {\n", "enum Severity {\n  FATAL\n"),
        ("union AlertOrigin = ", "union AlertOrigin = Robot | "),
        ("type Query {\n", "type Robot {\n  id: ID!\n}\n\ntype Query {\n  robots: [Robot!]\n"),
        ("type AlertDelivery {\n", "type AlertDelivery {\n  fresh: String\n"),
    )
    assert new_in(schema) == ("Alert.quality", "AlertOrigin.Robot", "AlertsInput.quality", "Severity.FATAL")
    assert missing_in(schema) == ()


def test_what_was_refused_has_its_operations() -> None:
    """Where the schema can't be read, this is all that is known."""
    assert differences_of(frozenset({"Alert.runbook", "Query.sources(input)"})) == (
        Difference("Alert.runbook", ("Alerts", "Alert")),
        Difference("Query.sources(input)", ("Sources",)),
    )
