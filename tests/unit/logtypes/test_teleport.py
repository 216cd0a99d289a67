"""Teleport's audit log: what its file says of an event."""

import pytest

from tests.support.logtypes import published_events, terms_in
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action

LOG_TYPE = "Gravitational.TeleportAudit"


def event(what: str, **columns: object) -> dict[str, object]:
    """One event of Nadia's."""
    return {"p_log_type": LOG_TYPE, "event": what, "code": "T1000I", "user": "Nadia@acme.example", **columns}


def test_a_command_is_an_act_of_its_own() -> None:
    """It ran within a session, on a machine."""
    ran = event("session.command", program="nmap", path="/bin/nmap", server_id="E759", sid="a356", login="root")
    assert terms_in(ran) == {
        "actor": "nadia@acme.example",
        "self": "nadia@acme.example",
        "action": "session.command nmap",
        "session": "a356",
        "host": "E759",
        "target": "e759",
    }
    assert terms_in(event("session.start", login="root"))["action"] == "session.start as root"
    assert terms_in(event("session.start", login="nadia"))["action"] == "session.start"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("192.0.2.1:35194", "192.0.2.1"),
        ("[2001:db8::7]:65123", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_an_address_is_read_without_its_port(written: str, address: str) -> None:
    """Other logs give it without one."""
    assert terms_in(event("user.login", addr_remote=written))["address"] == address


def test_a_user_who_is_made_is_the_receiver() -> None:
    """A role has a name too, and is nobody."""
    assert terms_in(event("user.create", name="Bo"))["receiver"] == "bo"
    assert "receiver" not in terms_in(event("role.created", name="admin"))
    assert terms_in(event("lock.created", name="88", target={"user": "Bo"}))["target"] == "bo"
    assert terms_in(event("user.login", success=False))["refused"] == "false"
    assert "refused" not in terms_in(event("user.login", success=True))


def test_a_typed_name_and_a_command_are_the_actors() -> None:
    """The session and the address are Teleport's."""
    for path in ("event", "sid", "addr_remote", "identity.user"):
        assert classify(LOG_TYPE, path) is Trust.PROVIDER
    for path in ("argv.0", "program", "user_agent", "name", "attributes.groups.0"):
        assert classify(LOG_TYPE, path) is Trust.ACTOR


def test_published_events_are_understood() -> None:
    """A certificate names its user in `identity`."""
    events = published_events(LOG_TYPE)
    assert len(events) >= 26
    for each in events:
        assert terms_in(each).keys() >= {"actor", "action"}
    for action, kind in (
        ("saml.created", Harm.PERSISTENCE),
        ("session.command useradd", Harm.PERSISTENCE),
        ("session.command userdel", Harm.DESTRUCTION),
        ("session.command passwd", Harm.PERSISTENCE),
        ("role.created", Harm.PRIVILEGE),
    ):
        found = harmful_action(LOG_TYPE, action)
        assert found is not None
        assert found.harm is kind
        assert found.seriousness >= 0.8
    assert harmful_action(LOG_TYPE, "session.command echo") is None
