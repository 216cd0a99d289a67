"""Salesforce's event log files: what the files of their log types say of an event."""

from tests.support.logtypes import published_events, terms_in
from triage.domain.trust import Trust
from triage.logtypes import classify, harmful_action, is_detection_event, terms_of

LOGIN, LOGIN_AS = "Salesforce.Login", "Salesforce.LoginAs"


def test_a_sign_in_says_who_and_from_where() -> None:
    """Salesforce's own address is passed over for the request's."""
    event = {
        "p_log_type": LOGIN,
        "EVENT_TYPE": "Login",
        "USER_NAME": "Nadia@acme.example",
        "CLIENT_IP": "Salesforce.com IP",
        "SOURCE_IP": "198.51.100.7",
        "LOGIN_STATUS": "LOGIN_ERROR_INVALID_PASSWORD",
        "LOGIN_KEY": "n5sq",
        "ORGANIZATION_ID": "00D5",
    }
    assert terms_in(event) == {
        "actor": "nadia@acme.example",
        "self": "nadia@acme.example",
        "action": "Login",
        "address": "198.51.100.7",
        "refused": "LOGIN_ERROR_INVALID_PASSWORD",
        "failed": "LOGIN_ERROR_INVALID_PASSWORD",
        "session": "n5sq",
        "target": "00D5",
    }
    for status in ("LOGIN_NO_ERROR", "LOGIN_TWOFACTOR_REQ", "LOGIN_CHALLENGE_ISSUED"):
        assert "refused" not in terms_in({**event, "LOGIN_STATUS": status})


def test_an_administrator_acts_as_someone_else() -> None:
    """The session is the other's; the act is the administrator's."""
    event = {
        "p_log_type": LOGIN_AS,
        "EVENT_TYPE": "LoginAs",
        "DELEGATED_USER_NAME": "Nadia@acme.example",
        "USER_ID": "0052",
    }
    found = terms_in(event)
    assert (found["actor"], found["action"], found["target"]) == ("nadia@acme.example", "LoginAs", "0052")
    assert harmful_action(LOGIN_AS, "LoginAs") is not None


def test_findings_of_threat_detection_are_reports() -> None:
    """Their columns are published in two ways, so no term reads them."""
    assert is_detection_event("Salesforce.ApiAnomalyEventStore", "")
    assert terms_of("Salesforce.ApiAnomalyEventStore") == {}


def test_a_typed_name_is_not_salesforces() -> None:
    """Ids and addresses are."""
    assert classify(LOGIN, "SOURCE_IP") is Trust.PROVIDER
    assert classify(LOGIN_AS, "DELEGATED_USER_NAME") is Trust.PROVIDER
    assert classify(LOGIN, "USER_NAME", value="approved by security") is Trust.ACTOR
    assert classify(LOGIN, "BROWSER_TYPE") is Trust.ACTOR


def test_published_events_are_understood() -> None:
    """Each names a person and an address."""
    logins, others = published_events(LOGIN), published_events(LOGIN_AS)
    assert len(logins) >= 5
    assert len(others) >= 1
    for event in [*logins, *others]:
        assert terms_in(event).keys() >= {"actor", "action", "address", "target"}
