"""Repositories: secret scanning turned off, and deploy keys added."""

from datetime import datetime, timedelta

from tools.worlds.cast import CODE_SETTLED, MIDDAY, Cast
from tools.worlds.company import Person, Presence
from tools.worlds.days import day_at
from tools.worlds.lake import LogType, Scribe
from tools.worlds.names import REPOSITORIES
from tools.worlds.records import aws, github

from .scenario import Scenario, earlier, exercise

_TEST_DATA = ("mobile-app", "ledger-web", "notify")
_OWN_KEYS = REPOSITORIES[6:]
"""Repositories that are read by deploy keys of their own."""

_DISABLE, _ENABLE = "repository_secret_scanning.disable", "repository_secret_scanning.enable"


def history(scribe: Scribe, cast: Cast) -> None:
    """Test data is pushed with scanning off now and then; deploy keys are replaced."""
    pushers = (cast.fixture_pusher, cast.scanning_victim, cast.key_planter, cast.fixture_pusher)
    for person, days_ago in zip(pushers, (26, 20, 16, 9), strict=True):
        own = scribe.aside("scanning", days_ago)
        at = earlier(own, person, days_ago)
        _push_test_data(own, at, person, day_at(own, person, at).presence, [own.dice.pick(_TEST_DATA)])
    replacers = (cast.key_replacer, cast.key_planter, cast.key_unseen, cast.fixture_pusher, cast.key_replacer)
    for index, (person, days_ago) in enumerate(zip(replacers, (28, 23, 18, 12, 5), strict=True)):
        own = scribe.aside("key", days_ago)
        _replace_key(own, earlier(own, person, days_ago), person, _OWN_KEYS[index])
    staged = exercise(scribe)
    person = staged.company.team("data")[3]
    at = earlier(staged, person, 13)
    fingerprint = _plant_key(staged, at, person, "runbooks", staged.company.elsewhere("staged key"))
    _key_event(staged, at + timedelta(hours=3), person, "runbooks", fingerprint=fingerprint, change="delete")


def _recent(scribe: Scribe, person: Person) -> datetime:
    """Midday of the last day, before the source fell silent."""
    return scribe.timeline.recent(MIDDAY, person.office.offset, CODE_SETTLED) + scribe.dice.minutes(0, 9)


def _turn_off(scribe: Scribe, at: datetime, person: Person, where: Presence, repositories: list[str]) -> list[datetime]:
    moments = aws.pace(scribe.dice, at, len(repositories), 60, 200)
    for moment, repository in zip(moments, repositories, strict=True):
        github.event(scribe, moment, github.browser(person, where), _DISABLE, repository, decisive=True)
    return moments


def _push_test_data(scribe: Scribe, at: datetime, person: Person, where: Presence, repositories: list[str]) -> None:
    """Scanning is off for the minutes that a push of sample credentials takes."""
    for moment, repository in zip(_turn_off(scribe, at, person, where, repositories), repositories, strict=True):
        pushed, restored = moment + scribe.dice.minutes(3, 6), moment + scribe.dice.minutes(9, 14)
        github.event(scribe, pushed, github.terminal(person, where), "git.push", repository, decisive=True)
        github.event(scribe, restored, github.browser(person, where), _ENABLE, repository, decisive=True)


def test_data_pushed(scribe: Scribe, cast: Cast) -> None:
    """From a hotel this time."""
    person = cast.fixture_pusher
    at = _recent(scribe, person)
    _push_test_data(scribe, at, person, day_at(scribe, person, at).presence, list(_TEST_DATA))


def scanning_off_and_cloned(scribe: Scribe, cast: Cast) -> None:
    """Somebody else acts with the login: scanning stays off and everything within reach is cloned."""
    person = cast.scanning_victim
    at, where = _recent(scribe, person), scribe.company.elsewhere("clone")
    last = _turn_off(scribe, at, person, where, list(_TEST_DATA))[-1]
    moments = aws.pace(scribe.dice, last + timedelta(minutes=2), 12, 15, 70)
    for moment, repository in zip(moments, scribe.dice.sample(REPOSITORIES, 12), strict=True):
        github.event(scribe, moment, github.terminal(person, where), "git.clone", repository, decisive=True)


def _key_event(scribe: Scribe, at: datetime, person: Person, repository: str, *, fingerprint: str, change: str) -> None:
    extra: dict[str, object] = {"title": "deploy", "fingerprint": fingerprint, "read_only": "true"}
    where = day_at(scribe, person, at).presence
    actor = github.browser(person, where)
    github.event(scribe, at, actor, f"public_key.{change}", repository, extra=extra, decisive=True)


def _new_key(scribe: Scribe, at: datetime, person: Person, repository: str) -> str:
    fingerprint = "SHA256:" + scribe.ids.base32(43)
    _key_event(scribe, at, person, repository, fingerprint=fingerprint, change="create")
    return fingerprint


def _replace_key(scribe: Scribe, at: datetime, person: Person, repository: str) -> None:
    """The new key works for the build runner, then the old one is removed."""
    fingerprint = _new_key(scribe, at, person, repository)
    key = github.deploy_key(fingerprint, scribe.company.runner)
    for moment in aws.pace(scribe.dice, at + timedelta(minutes=5), 2, 60, 300):
        github.event(scribe, moment, key, "git.fetch", repository, decisive=True)
    old = "SHA256:" + scribe.company.dice.child("old key", repository).base32(43)
    _key_event(scribe, at + scribe.dice.minutes(16, 25), person, repository, fingerprint=old, change="delete")


def _plant_key(scribe: Scribe, at: datetime, person: Person, repository: str, where: Presence) -> str:
    """The new key is used from outside, and nothing is removed."""
    fingerprint = _new_key(scribe, at, person, repository)
    key = github.deploy_key(fingerprint, where)
    for moment in aws.pace(scribe.dice, at + timedelta(minutes=5), 3, 60, 300):
        github.event(scribe, moment, key, "git.clone", repository, decisive=True)
    return fingerprint


def key_replaced(scribe: Scribe, cast: Cast) -> None:
    """One more replacement."""
    _replace_key(scribe, _recent(scribe, cast.key_replacer), cast.key_replacer, "partner-gateway")


def key_planted(scribe: Scribe, cast: Cast) -> None:
    """Added from the engineer's own computer by a program that runs on it."""
    at = _recent(scribe, cast.key_planter)
    _plant_key(scribe, at, cast.key_planter, "identity-sync", scribe.company.elsewhere("planted key"))


def key_unseen(scribe: Scribe, cast: Cast) -> None:
    """The last thing that the source delivered; what was done with the key is in no log."""
    at = cast.code_silent_from - timedelta(minutes=3)
    _plant_key(scribe, at, cast.key_unseen, "search-index", scribe.company.elsewhere("unseen key"))


SCENARIOS = (
    Scenario(
        "scanning/test-data",
        "benign",
        "Address new, but signed in from there with a second factor; one push each, scanning back on within minutes, "
        "done so before.",
        test_data_pushed,
    ),
    Scenario(
        "scanning/clone",
        "malicious",
        "Address without a sign-in; scanning stays off, twelve repositories are cloned within minutes.",
        scanning_off_and_cloned,
    ),
    Scenario(
        "deploy-key/replaced",
        "benign",
        "The key is used by the build runner from its usual address, the old key is removed.",
        key_replaced,
    ),
    Scenario(
        "deploy-key/planted",
        "malicious",
        "Usual actor and address; the key is used from an unknown address, no old key is removed.",
        key_planted,
    ),
    Scenario(
        "deploy-key/unseen",
        "malicious",
        "Usual actor and address; the source falls silent three minutes later, so the use of the key is in no log.",
        key_unseen,
        silent=LogType.GITHUB,
    ),
)
