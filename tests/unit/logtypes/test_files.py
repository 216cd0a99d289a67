"""Every file of a log type, and what a file may hold."""

import pytest
import sqlglot
from sqlglot import exp

from tests.support.shared import ROOT
from triage.domain.entity import Role
from triage.domain.sql import QueryTemplate
from triage.domain.yaml_lines import YamlError, parse_yaml
from triage.logtypes import (
    FieldKind,
    LogType,
    entity_fields,
    harmful_action,
    recognise,
    shipped_log_types,
    table_of,
    terms_of,
)
from triage.logtypes.load import _DIRECTORY, log_type_files
from triage.logtypes.terms import take
from triage.stages.enrichment.entities.values import read

SHIPPED = shipped_log_types()
ONE = """\
log_type: Acme.Doors
sources: [Acme, "Door events"]
terms:
  actor: {path: badge.owner, lower: true}
  action: event
  target: [door.id, door.0.name]
entities:
  actor:
    user: badge.owner
trust:
  provider: [event, door.**]
harmful:
  persistence:
    0.8: [badge copied, 13]
detections: [alarm.*]
"""


def test_every_shipped_file_fits_the_schema_and_names_its_source() -> None:
    """It lies under its table's name, says something, and each term is one bounded read of the table's columns."""
    for file in SHIPPED:
        check(file)


def check(file: LogType) -> None:
    """Fail with the log type where a file is not as it should be."""
    assert (_DIRECTORY / f"{table_of(file.log_type.removesuffix('.*'))}.yaml").is_file()
    assert all(len(source) > 10 for source in file.sources)
    assert file.terms or file.entities or file.trust or file.event_time or file.detections
    assert not file.terms or file.terms.keys() >= {"actor", "action", "target", "address", "refused"}
    assert bool(entity_fields(file.log_type)) or file.entities is None
    columns = {name for names in file.columns.values() for name in names}
    assert columns or not file.terms
    for term in file.terms.values():
        window = "p_event_time BETWEEN :start AND :end"
        QueryTemplate.parse(f"SELECT ({term.sql}) AS term FROM panther_logs.public.any_table WHERE {window}")
        assert {column.name for column in sqlglot.parse_one(term.sql, "snowflake").find_all(exp.Column)} <= columns
        assert {take.path.split(".")[0] for take in term.take if take.path} <= columns
    for by_seriousness in file.harmful.values():
        for names in by_seriousness.values():
            for name in names:
                assert harmful_action(file.log_type, name) is not None, name


def test_the_example_of_the_documents_fits_the_schema() -> None:
    """What a reader copies from docs/log-types.md is accepted."""
    example = (ROOT / "docs" / "log-types.md").read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    assert parse_yaml(example).validate(LogType).terms.keys() >= {"actor", "action", "target", "address", "refused"}


def test_the_short_forms_of_a_term_give_its_sql() -> None:
    """A path or a list of paths is enough; SQL follows from it."""
    file = parse_yaml(ONE).validate(LogType)
    assert file.terms["actor"].sql == "LOWER(badge:owner::string)"
    assert file.terms["action"].sql == "event"
    assert file.terms["target"].sql == "COALESCE(door:id::string, door[0]:name::string)"
    assert [take.path for take in file.terms["target"].take] == ["door.id", "door.0.name"]


def test_a_key_with_dots_is_written_in_braces() -> None:
    """In SQL it is quoted, in an event it is one key."""
    text = ONE.replace("action: event", "action: 'claims.{http://acme.example/upn}'")
    term = parse_yaml(text).validate(LogType).terms["action"]
    assert term.sql == "claims['http://acme.example/upn']::string"
    assert term.take[0].keys == ("claims", "http://acme.example/upn")


def test_what_follows_a_sign_is_read_alike_in_sql_and_from_an_event() -> None:
    """A role is changed by its name and assumed by its ARN: as a target both are one."""
    term = terms_of("AWS.CloudTrail")["target"]
    assert "SPLIT_PART(requestParameters:roleArn::string, ':role/', 2)" in term.sql
    for name, value in (("roleName", "builder"), ("roleArn", "arn:aws:iam::111122223333:role/builder")):
        assert take({"requestParameters": {name: value}}, term.take) == "builder"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sources:", "source:", "line 2: unknown key source, did you mean sources? allowed here: log_type, sources"),
        ('sources: [Acme, "Door events"]\n', "", "line 1: sources is missing"),
        ("  action: event", "  acts: event", "unknown term; known: actor, action"),
        ("  action: event", "  action: {path: event, before: x}", "line 5: terms.action: no SQL follows"),
        ("  action: event", "  action: door.*.id", "line 5: terms.action.take.0.path: a term is one value"),
        ("  action: event", "  actor: event", "line 5: terms.actor is given twice"),
        ("    user: badge", "    person: badge", "line 9: entities.actor.person"),
        ("user: badge.owner", "user: badge..owner", "line 9: entities.actor.user.0: not a path: 'badge..owner'"),
        ("  actor:\n", "  thief:\n", "line 8: unknown key entities.thief"),
        ("[event, door.**]", "[event, door.**.id]", "line 11: trust.provider.1: `**` belongs at the end"),
        ("  provider:", "  supplier:", "line 11: unknown key trust.supplier"),
        ("  persistence:", "  mischief:", "line 13: harmful.mischief"),
        ("0.8:", "1.8:", "line 14: harmful.persistence.1.8"),
        ("  action: event\n", "", "without the term `action`, `detections` can only be `*`"),
        ("Acme.Doors", "Acme.*", "a family has no terms or actions"),
        ("Acme.Doors", "Acme Doors", "line 1: log_type"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(old: str, new: str, said: str) -> None:
    """One line says which file, which line and what is wrong."""
    with pytest.raises(YamlError) as caught:
        parse_yaml(ONE.replace(old, new), name="acme_doors.yaml").validate(LogType)
    assert str(caught.value).startswith("acme_doors.yaml, line ")
    assert said in str(caught.value)


def test_a_family_speaks_for_log_types_without_a_file_of_their_own() -> None:
    """And for what such a file leaves out."""
    assert entity_fields("Salesforce.Unheard") == entity_fields("Salesforce.Login") != ()
    assert entity_fields("Snowflake.LoginHistory") == entity_fields("snowflake.unheard") != ()
    assert [file.log_type for file in log_type_files("Microsoft365.Audit.Unheard")] == ["Microsoft365.Audit.*"]
    assert entity_fields("AWS.CloudTrail.Unheard") == entity_fields("Acme.Unheard") == entity_fields("") == ()
    assert terms_of("Snowflake.Unheard") == {}


def test_a_file_may_include_anothers_entities() -> None:
    """Below the field that holds the record, where there is one."""
    assert entity_fields("AWS.CloudTrailInsight") == entity_fields("AWS.CloudTrail")
    below = [field.path[0].name for field in entity_fields("Crowdstrike.EventStreams")]
    assert set(below) == {"event"}


def test_every_kind_of_field_can_be_read() -> None:
    """Each kind that a file may name has a reader; `scan` looks below instead."""
    for kind in FieldKind:
        if kind is not FieldKind.SCAN:
            assert isinstance(read("ada@acme.example", kind), tuple)
    assert {field.role for field in entity_fields("AWS.CloudTrail")} == set(Role)


def test_an_event_without_a_log_type_is_recognised_by_its_columns() -> None:
    """Only where it has all the columns that a file lists."""
    assert recognise(["userIdentity", "eventSource", "eventName", "x"]) == "AWS.CloudTrail"
    assert recognise(["srcAddr"]) == ""
