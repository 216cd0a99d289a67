"""Passwords that are guessed, by order and without; and identities that are assumed by the personnel office."""

from datetime import datetime, timedelta

from tools.worlds.cast import Cast
from tools.worlds.company import Person
from tools.worlds.days import day_at
from tools.worlds.lake import Scribe
from tools.worlds.records import okta, onelogin

from .scenario import Scenario, earlier, recent
from .signins import guess_passwords

_ASSUMED = ((0, 24), (1, 18), (0, 12), (1, 5))


def history(scribe: Scribe, cast: Cast) -> None:
    """The personnel office looks at the till and the rota with the eyes of the shops' staff."""
    del cast
    for index, days_ago in _ASSUMED:
        own = scribe.aside("assumed", days_ago)
        person = own.company.team("people")[index]
        _assume(own, earlier(own, person, days_ago), person, own.company.team("sales")[2], harmful=False)


def ordered(scribe: Scribe, cast: Cast) -> None:
    """Hired testers, from the agreed address; the person goes on working."""
    _guess(scribe, cast.spare[2], cast.branch.guest.address, cast, inside=False)


def broken_in(scribe: Scribe, cast: Cast) -> None:
    """The last guess is right, a prompt is accepted, and applications are opened."""
    _guess(scribe, cast.spare[3], "", cast, inside=True)


def _guess(scribe: Scribe, person: Person, address: str, cast: Cast, *, inside: bool) -> None:
    at = recent(scribe, person, 13.2)
    where = cast.branch.guest if address else scribe.company.elsewhere("guess", person.user)
    guess_passwords(scribe, at, person, where)
    day = day_at(scribe, person, at)
    stranger = okta.Client(
        where, person.agent, person.system, person.browser, scribe.dice.hex(40), "idx" + scribe.dice.hex(22)
    )
    using = stranger if inside else day.client
    okta.sign_in(scribe, at + timedelta(minutes=14), person, using, decisive=True)
    for minutes, app in ((16, "Google Workspace"), (19, "Confluence")):
        okta.open_app(scribe, at + timedelta(minutes=minutes), person, using, app, decisive=True)


def allowed(cast: Cast) -> dict[str, object]:
    """The operator's word on the guesses."""
    return {
        "reason": "Password audit by hired testers, order SEC-3355",
        "detections": ["Okta.User.FailedSignInBurst"],
        "addresses": [cast.branch.guest.address],
    }


def _assume(scribe: Scribe, at: datetime, actor: Person, user: Person, *, harmful: bool) -> None:
    """The identity is assumed; two applications are opened as the user, or one after the user's password is changed."""
    address = scribe.company.whereabouts(actor, scribe.timeline.local_date(at, actor.office.offset)).address
    onelogin.event(scribe, at, onelogin.ASSUMED, actor, address, user=user, decisive=True)
    first = at + scribe.dice.minutes(2, 4)
    if harmful:
        onelogin.event(scribe, first, onelogin.PASSWORD_CHANGED, actor, address, user=user, decisive=True)
    else:
        onelogin.event(scribe, first, onelogin.OPENED_APP, user, address, app="Rota", decisive=True)
    onelogin.event(
        scribe, at + scribe.dice.minutes(6, 9), onelogin.OPENED_APP, user, address, app="Till", decisive=True
    )


def assumed_for_rota(scribe: Scribe, _cast: Cast) -> None:
    """As every week."""
    actor = scribe.company.team("people")[0]
    _assume(scribe, recent(scribe, actor, 14.2), actor, scribe.company.team("sales")[2], harmful=False)


def assumed_for_good(scribe: Scribe, _cast: Cast) -> None:
    """The user's password is changed, and the user signs in from somewhere new that evening."""
    actor, user = scribe.company.team("people")[1], scribe.company.team("sales")[3]
    at = recent(scribe, actor, 14.0)
    _assume(scribe, at, actor, user, harmful=True)
    where = scribe.company.elsewhere("assumed").address
    onelogin.event(scribe, at + timedelta(minutes=31), onelogin.SIGNED_IN, user, where, decisive=True)


SCENARIOS = (
    Scenario(
        "guessing/ordered",
        "benign",
        "Eighteen guesses from the address that stands on the operator's list; none is right.",
        ordered,
        authorised=True,
    ),
    Scenario(
        "guessing/broken-in",
        "malicious",
        "The guesses end with a sign-in from the same unknown address, which opens applications.",
        broken_in,
    ),
    Scenario(
        "assumed/rota",
        "benign",
        "As every week: two applications are opened with the user's eyes, nothing is changed.",
        assumed_for_rota,
    ),
    Scenario(
        "assumed/password",
        "malicious",
        "The user's password is changed, and the user then signs in from an address never seen.",
        assumed_for_good,
    ),
)
