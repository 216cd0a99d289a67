"""GitLab's logs: what their files say of an event."""

from tests.support.logtypes import published_events, terms_in
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action

AUDIT, REQUESTS = "GitLab.Audit", "GitLab.Production"
CHANGE = {
    "p_log_type": AUDIT,
    "time": "2026-03-04T09:14:00Z",
    "author_id": 7,
    "author_name": "Nadia",
    "entity_id": 2,
    "entity_type": "Project",
    "change": "visibility",
    "from": "Private",
    "to": "Public",
    "target_id": 2,
    "target_type": "Project",
    "target_details": "acme/plans",
}
REQUEST = {
    "p_log_type": REQUESTS,
    "method": "POST",
    "path": "/admin/users/bo/impersonate",
    "controller": "Admin::UsersController",
    "action": "impersonate",
    "status": 302,
    "remote_ip": "198.51.100.7",
    "user_id": 7,
    "username": "Nadia",
}


def test_a_change_is_named_by_the_setting_and_what_it_belongs_to() -> None:
    """People are known by number; a project and a user of one number are two targets."""
    assert terms_in(CHANGE) == {
        "actor": "7",
        "self": "User 7",
        "action": "Project visibility",
        "target": "Project 2",
    }
    member = terms_in({**CHANGE, "change": "access_level", "target_type": "User", "target_id": 9})
    assert (member["action"], member["target"], member["receiver"]) == ("Project access_level", "User 9", "9")


def test_a_request_is_named_by_its_controller() -> None:
    """Where none is given, by the request itself."""
    assert terms_in(REQUEST) == {
        "actor": "nadia",
        "self": "nadia",
        "action": "Admin::UsersController#impersonate",
        "address": "198.51.100.7",
        "target": "/admin/users/bo/impersonate",
    }
    bare = terms_in({**REQUEST, "controller": None, "action": None, "username": None, "status": 403})
    assert (bare["action"], bare["actor"]) == ("POST /admin/users/bo/impersonate", "7")
    assert (bare["refused"], bare["failed"]) == ("403", "403")
    assert "refused" not in terms_in({**REQUEST, "status": 404})


def test_paths_parameters_and_names_are_the_actors() -> None:
    """Numbers, addresses and what GitLab calls an act are its own."""
    for log_type, path in ((AUDIT, "author_id"), (AUDIT, "change"), (REQUESTS, "remote_ip"), (REQUESTS, "controller")):
        assert classify(log_type, path) is Trust.PROVIDER
    for log_type, path in ((AUDIT, "author_name"), (AUDIT, "to"), (REQUESTS, "path"), (REQUESTS, "params.0.value")):
        assert classify(log_type, path) is Trust.ACTOR


def test_published_requests_say_what_was_asked_for() -> None:
    """They have a path and parameters only, so nobody is named."""
    events = published_events(REQUESTS)
    assert len(events) >= 3
    assert {terms_in(event)["action"] for event in events} == {" /cats", " /users/password"}
    for action, kind in (
        (" /users/password", Harm.CREDENTIALS),
        ("PasswordsController#create", Harm.CREDENTIALS),
        ("Admin::UsersController#impersonate", Harm.CREDENTIALS),
    ):
        found = harmful_action(REQUESTS, action)
        assert found is not None
        assert found.harm is kind
        assert found.seriousness >= 0.8


def test_published_events_of_the_audit_log_have_none_of_its_columns() -> None:
    """They hold a `detail` that Panther's schema doesn't have: nothing is read from it, and nothing is wrong."""
    events = published_events(AUDIT)
    assert len(events) >= 3
    assert all(terms_in(event) == {} for event in events)
