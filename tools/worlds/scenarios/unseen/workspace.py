"""Google Workspace: mail that is forwarded outside, and documents thrown away by the dozen."""

from tools.worlds.cast import Cast
from tools.worlds.lake import Scribe
from tools.worlds.records import aws, gsuite, okta
from tools.worlds.scenarios.stage import Stage, past

from .case import Case, at_work, desk, staff, stranger, today

_THROWN = 24


def _targets(scribe: Scribe) -> tuple[str, str]:
    """The domains of an agency and of somebody else, alike and not the same."""
    places, trades = ("harbour", "lantern", "maple", "quarry", "willow"), ("desk", "post", "office", "line")
    domains = [f"{place}{trade}.example" for place in places for trade in trades]
    agency, other = scribe.company.dice.child("domains").sample(domains, 2)
    return agency, other


def _forward_history(scribe: Scribe, cast: Cast) -> None:
    """Several people let the agency that answers their mail on days off have it."""
    for team, index, days_ago in (("sales", 3, 25), ("people", 0, 18), ("it", 3, 13), ("sales", 3, 6)):
        stage = past(scribe.aside("agency", days_ago), cast, scribe.company.team(team)[index], days_ago)
        gsuite.forward(
            stage.scribe,
            stage.at,
            gsuite.account(stage.person, stage.where),
            f"{stage.person.user}@{_targets(scribe)[0]}",
        )


def forwarded_to_agency(stage: Stage) -> None:
    """From the hotel of the trip, to the agency that colleagues use; work goes on there."""
    day = today(stage)
    own = gsuite.account(stage.person, day.presence)
    okta.open_app(stage.scribe, stage.before(7), stage.person, day.client, "Google Workspace", decisive=True)
    gsuite.login(stage.scribe, stage.before(6), own, decisive=True)
    gsuite.forward(stage.scribe, stage.at, own, f"{stage.person.user}@{_targets(stage.scribe)[0]}", decisive=True)
    papers = stage.dice.sample(stage.scribe.company.documents[stage.person.team], 4)
    for moment, paper in zip(aws.pace(stage.dice, stage.after(5, 9), 4, 200, 900), papers, strict=True):
        gsuite.drive(stage.scribe, moment, own, "edit", paper, decisive=True)


def forwarded_to_stranger(stage: Stage) -> None:
    """An unknown device signs in elsewhere while the person works as usual; it fetches papers, too."""
    day, where = today(stage), stage.elsewhere()
    thief, account = stranger(stage, stage.person, where), gsuite.account(stage.person, where)
    okta.sign_in(stage.scribe, stage.before(8), stage.person, thief, decisive=True)
    okta.open_app(stage.scribe, stage.before(7), stage.person, thief, "Google Workspace", decisive=True)
    gsuite.login(stage.scribe, stage.before(6), account, decisive=True)
    target = f"{stage.person.user}@{_targets(stage.scribe)[1]}"
    gsuite.forward(stage.scribe, stage.at, account, target, decisive=True)
    papers = stage.dice.sample(stage.scribe.company.documents[stage.person.team], 7)
    for moment, paper in zip(aws.pace(stage.dice, stage.after(3, 6), 7, 20, 90), papers, strict=True):
        gsuite.drive(stage.scribe, moment, account, "download", paper, decisive=True)
    own = gsuite.account(stage.person, day.presence)
    for moment, paper in zip(aws.pace(stage.dice, stage.before(5), 2, 300, 500), papers, strict=False):
        gsuite.drive(stage.scribe, moment, own, "view", paper, decisive=True)


def _copies(scribe: Scribe, stage: Stage, batch: str) -> list[gsuite.Document]:
    """Working copies that the person made for themselves."""
    dice = scribe.company.dice.child("copies", stage.person.user, batch)
    return [
        ("1" + dice.base32(32), f"{scribe.company.org} forecast working copy {batch}-{number}", stage.person)
        for number in range(1, _THROWN + 1)
    ]


def _throw_away(stage: Stage, papers: list[gsuite.Document]) -> None:
    own = gsuite.account(stage.person, stage.where)
    for moment, paper in zip(aws.pace(stage.dice, stage.at, len(papers), 15, 60), papers, strict=True):
        gsuite.drive(stage.scribe, moment, own, "trash", paper, decisive=True)


def _trash_history(scribe: Scribe, cast: Cast) -> None:
    """Working copies are made through the month, and thrown away after it."""
    person = scribe.company.team("finance")[2]
    for batch, made, thrown in (("a", range(27, 19, -1), 18), ("b", range(16, 2, -1), 0)):
        stage = past(scribe.aside(batch, thrown or 1), cast, person, thrown or 1)
        papers = _copies(scribe, stage, batch)
        for number, paper in enumerate(papers):
            day = past(scribe.aside(batch, number), cast, person, made[number * len(made) // len(papers)])
            own = gsuite.account(person, day.where)
            gsuite.drive(day.scribe, day.after(0, 90), own, "create", paper)
            gsuite.drive(day.scribe, day.after(95, 180), own, "edit", paper)
        if thrown:
            _throw_away(stage, papers)


def cleaned_up(stage: Stage) -> None:
    """Own working copies, as after the month before."""
    _throw_away(stage, _copies(stage.scribe, stage, "b"))
    own = gsuite.account(stage.person, stage.where)
    papers = stage.dice.sample(stage.scribe.company.documents["finance"], 3)
    for moment, paper in zip(aws.pace(stage.dice, stage.after(30, 35), 3, 200, 900), papers, strict=True):
        gsuite.drive(stage.scribe, moment, own, "edit", paper, decisive=True)


def sabotaged(stage: Stage) -> None:
    """Papers of a colleague are fetched and thrown away; IT throws the account out, and the colleague brings them back."""
    scribe, person = stage.scribe, stage.person
    mine = [paper for paper in scribe.company.documents[person.team] if paper[2] is person]
    theirs = [paper for paper in scribe.company.documents[person.team] if paper[2] is not person]
    papers = [*theirs, *mine][:_THROWN]
    own = gsuite.account(person, stage.where)
    for moment, paper in zip(aws.pace(stage.dice, stage.before(16), 15, 20, 55), papers, strict=False):
        gsuite.drive(scribe, moment, own, "download", paper, decisive=True)
    _throw_away(stage, papers)
    helper = (at_work(stage, "it") or scribe.company.team("it")[2:])[0]
    for minutes, kind in ((41, "user.session.clear"), (43, "user.account.reset_password")):
        okta.event(
            scribe, stage.after(minutes, minutes + 2), helper, desk(stage, helper), kind, about=[person], decisive=True
        )
    owner = papers[0][2]
    back = gsuite.account(owner, stage.branch.presence(owner, stage.at))
    for moment, paper in zip(aws.pace(stage.dice, stage.after(60, 64), 8, 10, 40), papers, strict=False):
        gsuite.drive(scribe, moment, back, "untrash", paper, decisive=True)


CASES = (
    Case(
        (
            staff(
                "forwarding/agency",
                "benign",
                "New address after a sign-in with the own device; colleagues have forwarded to the same agency for weeks.",
                forwarded_to_agency,
                team="sales",
                index=2,
                travels=True,
            ),
            staff(
                "forwarding/stranger",
                "malicious",
                "An unknown device elsewhere, while the person works as usual; an address never seen; papers are fetched.",
                forwarded_to_stranger,
                team="finance",
                index=3,
            ),
        ),
        _forward_history,
    ),
    Case(
        (
            staff(
                "trash/copies",
                "benign",
                "Working copies that the person made, thrown away as after the month before.",
                cleaned_up,
                team="finance",
                index=2,
                hour=16.0,
            ),
            staff(
                "trash/sabotage",
                "malicious",
                "A colleague's papers, downloaded just before; IT throws the account out and the colleague restores them.",
                sabotaged,
                team="people",
                index=1,
                hour=16.5,
            ),
        ),
        _trash_history,
    ),
)
