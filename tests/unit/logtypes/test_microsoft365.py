"""Microsoft 365's audit logs: what their files say of an event."""

from typing import Any

import pytest

from tests.support.logtypes import published_events, terms_in
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action, is_detection_event
from triage.logtypes.parties import harm_of_call

EXCHANGE, FILES, ENTRA, GENERAL = (
    f"Microsoft365.Audit.{name}" for name in ("Exchange", "SharePoint", "AzureActiveDirectory", "General")
)


def event(log_type: str, operation: str, **columns: Any) -> dict[str, Any]:
    """One event of Nadia's."""
    return {
        "p_log_type": log_type,
        "Operation": operation,
        "UserId": "Nadia@acme.example",
        "ClientIP": "198.51.100.7:10736",
        **columns,
    }


def parameters(**values: str) -> list[dict[str, str]]:
    """The parameters of a cmdlet."""
    return [{"Name": name, "Value": value} for name, value in values.items()]


def test_exchange_says_whose_mailbox_it_was() -> None:
    """What an administrator changes is the object; what is done in a mailbox has an owner."""
    changed = event(EXCHANGE, "Set-Mailbox", ObjectId="Bo", ResultStatus="False")
    assert terms_in(changed) == {
        "actor": "nadia@acme.example",
        "self": "nadia@acme.example",
        "action": "Set-Mailbox",
        "address": "198.51.100.7",
        "target": "bo",
        "failed": "False",
    }
    read = terms_in(event(EXCHANGE, "MailItemsAccessed", ClientIP="", ClientIPAddress="[2001:db8::7]:443", MailboxOwnerUPN="Bo@acme.example"))  # fmt: skip
    assert (read["target"], read["owner"], read["address"]) == ("bo@acme.example", "bo@acme.example", "2001:db8::7")
    assert terms_in(event(EXCHANGE, "Set-Mailbox", ClientIP="2001:db8::7"))["address"] == "2001:db8::7"


@pytest.mark.parametrize(
    ("operation", "given", "harmless"),
    [
        ("Set-Mailbox", parameters(Identity="bo", ForwardingSmtpAddress="smtp:x@elsewhere.example"), False),
        ("Set-Mailbox", parameters(Identity="bo", MaxSendSize="10MB"), True),
        ("Set-Mailbox", None, False),
        ("New-InboxRule", parameters(Name="x", ForwardTo="x@elsewhere.example"), False),
        ("New-InboxRule", parameters(Name="x", DeleteMessage="True"), False),
        ("New-InboxRule", parameters(Name="x", ApplyCategory="Blue"), True),
        ("New-TransportRule", parameters(Name="x"), False),
    ],
)
def test_a_rule_that_neither_forwards_nor_hides_mail_is_no_harm(operation: str, given: Any, harmless: bool) -> None:
    """Parameters that are not there excuse nothing."""
    changed = event(EXCHANGE, operation, Parameters=given)
    assert (harm_of_call(EXCHANGE, operation, [changed]) is None) is harmless


def test_a_share_says_with_whom() -> None:
    """What is shared with a colleague stays in the house."""
    shared = event(FILES, "AddedToSecureLink", ObjectId="https://acme/Plan.docx", TargetUserOrGroupName="X@ELSEWHERE.EXAMPLE", TargetUserOrGroupType="Guest")  # fmt: skip
    found = terms_in(shared)
    assert (found["target"], found["recipient"]) == ("https://acme/plan.docx", "x@elsewhere.example")
    assert harm_of_call(FILES, "AddedToSecureLink", [shared]) is not None
    assert harm_of_call(FILES, "AddedToSecureLink", [{**shared, "TargetUserOrGroupType": "Member"}]) is None
    assert is_detection_event(FILES, "FileMalwareDetected")


def test_entra_says_who_was_changed() -> None:
    """A sign-in's target is an application, which receives nothing."""
    changed = terms_in(event(ENTRA, "Update user.", ObjectId="Bo@acme.example", ClientIP=None, ActorIpAddress="198.51.100.7"))  # fmt: skip
    assert (changed["target"], changed["receiver"], changed["address"]) == (
        "bo@acme.example", "bo@acme.example", "198.51.100.7",
    )  # fmt: skip
    failed = terms_in(event(ENTRA, "UserLoginFailed", ObjectId="aa-11"))
    assert (failed["refused"], failed["failed"]) == ("UserLoginFailed", "UserLoginFailed")
    assert "receiver" not in failed


def test_a_user_who_loses_a_second_factor_is_not_merely_updated() -> None:
    """To enrol the first one takes nothing away."""
    for old, harmless in (("[]", True), ('[{"MethodType": 7}]', False)):
        properties = [{"Name": "StrongAuthenticationMethod", "NewValue": "[]", "OldValue": old}]
        changed = event(ENTRA, "Update user.", ModifiedProperties=properties)
        assert (harm_of_call(ENTRA, "Update user.", [changed]) is None) is harmless, old
    other = event(ENTRA, "Update user.", ModifiedProperties=[{"Name": "Department", "NewValue": "x", "OldValue": "y"}])
    assert harm_of_call(ENTRA, "Update user.", [other]) is None


def test_other_services_are_read_by_the_common_columns() -> None:
    """No event of theirs is published; the columns are Microsoft's common schema."""
    found = terms_in(event(GENERAL, "TeamDeleted", ObjectId="t1", Workload="MicrosoftTeams"))
    assert (found["actor"], found["action"], found["target"], found["service"], found["address"]) == (
        "nadia@acme.example", "TeamDeleted", "t1", "MicrosoftTeams", "198.51.100.7",
    )  # fmt: skip


def test_what_people_and_clients_write_is_theirs() -> None:
    """The account and the address are Microsoft's; a failed login is logged under what was typed."""
    for log_type, path in ((EXCHANGE, "UserId"), (FILES, "ClientIP"), (ENTRA, "ApplicationId"), (GENERAL, "Operation")):
        assert classify(log_type, path) is Trust.PROVIDER
    for log_type, path in (
        (EXCHANGE, "Parameters.0.Value"),
        (EXCHANGE, "ClientInfoString"),
        (FILES, "SourceFileName"),
        (ENTRA, "ExtendedProperties.1.Value"),
        (GENERAL, "payload.TeamName"),
    ):
        assert classify(log_type, path) is Trust.ACTOR
    assert classify(ENTRA, "UserId", value="approved by security") is Trust.ACTOR


@pytest.mark.parametrize(
    ("log_type", "count", "has_address"), [(EXCHANGE, 10, True), (FILES, 5, True), (ENTRA, 4, False)]
)
def test_published_events_are_understood(log_type: str, count: int, has_address: bool) -> None:
    """Those of Exchange have all columns in lower case."""
    events = published_events(log_type)
    assert len(events) >= count
    for each in events:
        needed = {"actor", "action", "target"} | ({"address"} if has_address else set())
        assert terms_in(each).keys() >= needed


def test_what_a_rule_calls_severe_is_severe() -> None:
    """Mail that is forwarded."""
    for action in ("Set-Mailbox", "New-InboxRule"):
        found = harmful_action(EXCHANGE, action)
        assert found is not None
        assert found.harm is Harm.PERSISTENCE
        assert found.seriousness >= 0.8
