"""What a help desk does: accounts brought back in Okta, second steps switched off in Google Workspace."""

from tools.worlds.cast import Cast
from tools.worlds.company import Person, Presence
from tools.worlds.lake import Scribe
from tools.worlds.records import aws, gsuite, okta
from tools.worlds.scenarios.stage import Stage, past
from tools.worlds.scenarios.unseen.case import Case, stranger, today

from .players import staff

_LEFT, _AWAY = 25, 16
"""Days ago that those who were away worked last, from and to."""


def _return_history(scribe: Scribe, cast: Cast) -> None:
    """Two people worked until a fortnight ago; then their accounts were suspended."""
    company = scribe.company
    for person in cast.earlier_starters[:2]:
        today_there = company.timeline.local_date(company.timeline.now, person.office.offset)
        for date in company.timeline.workdays(person.office.offset):
            if not _AWAY <= (today_there - date).days <= _LEFT:
                continue
            own = scribe.aside(person.user, date.isoformat())
            where = company.whereabouts(person, date)
            using = okta.client(person, where, okta.session_id(own, person, date.isoformat()))
            start = company.timeline.at(date, person.starts, person.office.offset) + own.dice.minutes(0, 30)
            okta.sign_in(own, start, person, using)
            for app in own.dice.sample(("Google Workspace", "Slack", "Jira"), 2):
                okta.open_app(own, start + own.dice.minutes(5, 300), person, using, app)
            paper = own.dice.pick(company.documents[person.team])
            gsuite.drive(own, start + own.dice.minutes(20, 400), gsuite.account(person, where), "view", paper)
        stage = past(scribe.aside("suspended", person.user), cast, company.team("it")[1], _AWAY - 1)
        okta.event(stage.scribe, stage.at, stage.person, today(stage).client, "user.lifecycle.suspend", about=[person])


def _bring_back(stage: Stage, person: Person) -> None:
    """The account is opened again, with a new password, since the old one has expired."""
    using = today(stage).client
    okta.event(
        stage.scribe, stage.at, stage.person, using, "user.lifecycle.unsuspend", about=[person], decisive=True
    )  # fmt: skip
    okta.event(
        stage.scribe, stage.after(2, 4), stage.person, using, "user.account.reset_password", about=[person],
        decisive=True,
    )  # fmt: skip


def returned_from_leave(stage: Stage) -> None:
    """With the computer of before, to the applications of before; only the address is new, in the same town."""
    scribe, person = stage.scribe, stage.cast.earlier_starters[0]
    _bring_back(stage, person)
    where = Presence(scribe.company.addresses.take(), person.office)
    using = okta.client(person, where, "idx" + stage.dice.hex(22))
    okta.event(scribe, stage.after(12, 15), person, using, "user.account.update_password", decisive=True)
    okta.sign_in(scribe, stage.after(16, 17), person, using, decisive=True)
    apps = ("Google Workspace", "Slack", "Jira")
    for moment, app in zip(aws.pace(stage.dice, stage.after(19, 21), 3, 60, 300), apps, strict=True):
        okta.open_app(scribe, moment, person, using, app, decisive=True)
    papers = stage.dice.sample(scribe.company.documents[person.team], 3)
    for moment, paper in zip(aws.pace(stage.dice, stage.after(28, 33), 3, 100, 400), papers, strict=True):
        gsuite.drive(scribe, moment, gsuite.account(person, where), "view", paper, decisive=True)


def returned_as_another(stage: Stage) -> None:
    """With a computer never seen, elsewhere; a new factor, and papers that the person had nothing to do with."""
    scribe, person, where = stage.scribe, stage.cast.earlier_starters[1], stage.elsewhere()
    _bring_back(stage, person)
    using = stranger(stage, person, where)
    okta.event(scribe, stage.after(12, 15), person, using, "user.account.update_password", decisive=True)
    okta.event(
        scribe, stage.after(15.2, 15.8), person, using, "user.mfa.factor.activate", targets=[okta.push(scribe)],
        decisive=True,
    )  # fmt: skip
    okta.sign_in(scribe, stage.after(16, 17), person, using, decisive=True)
    for moment, app in zip(
        aws.pace(stage.dice, stage.after(19, 21), 3, 60, 300), ("Google Workspace", "Expensify", "Jira"), strict=True
    ):
        okta.open_app(scribe, moment, person, using, app, decisive=True)
    papers = stage.dice.sample(scribe.company.documents["finance"], 11)
    for moment, paper in zip(aws.pace(stage.dice, stage.after(28, 33), 11, 10, 60), papers, strict=True):
        gsuite.drive(scribe, moment, gsuite.account(person, where), "download", paper, decisive=True)


def _switch_off(stage: Stage, user: Person, where: Presence) -> None:
    """Somebody who lacks the second step asks the help desk, and tries again afterwards."""
    account, helper = gsuite.account(user, where), gsuite.account(stage.person, stage.where)
    for moment in aws.pace(stage.dice, stage.before(19), 2, 30, 120):
        gsuite.login(stage.scribe, moment, account, by="google_password", failed=True, decisive=True)
    gsuite.second_step(stage.scribe, stage.at, helper, user.email, decisive=True)
    gsuite.login(stage.scribe, stage.after(5, 9), account, by="google_password", decisive=True)
    gsuite.enroll(stage.scribe, stage.after(11, 14), account, decisive=True)


def _step_history(scribe: Scribe, cast: Cast) -> None:
    company = scribe.company
    for helper, team, index, days_ago in ((3, "finance", 3, 22), (0, "finance", 0, 10)):
        stage = past(scribe.aside("step", days_ago), cast, company.team("it")[helper], days_ago)
        user = company.team(team)[index]
        _switch_off(stage, user, stage.branch.presence(user, stage.at))


def step_for_owner(stage: Stage) -> None:
    """At the address where the person works on that day, before and after."""
    user = stage.scribe.company.team("finance")[1]
    where = stage.branch.presence(user, stage.at)
    account, mine = gsuite.account(user, where), stage.scribe.company.documents["finance"]
    gsuite.drive(stage.scribe, stage.before(34), account, "edit", stage.dice.pick(mine), decisive=True)
    _switch_off(stage, user, where)
    for moment, paper in zip(
        aws.pace(stage.dice, stage.after(16, 20), 3, 90, 400), stage.dice.sample(mine, 3), strict=True
    ):
        gsuite.drive(stage.scribe, moment, account, "edit", paper, decisive=True)


def step_for_stranger(stage: Stage) -> None:
    """From elsewhere, while the person works as usual; a new second step is set up there, and papers are fetched."""
    user = stage.scribe.company.team("finance")[2]
    where, usual = stage.elsewhere(), stage.branch.presence(user, stage.at)
    mine = stage.scribe.company.documents["finance"]
    for minutes in (34, 7, -9, -22):
        paper = stage.dice.pick(mine)
        gsuite.drive(stage.scribe, stage.before(minutes), gsuite.account(user, usual), "edit", paper, decisive=True)
    _switch_off(stage, user, where)
    for moment, paper in zip(
        aws.pace(stage.dice, stage.after(16, 20), 9, 10, 60), stage.dice.sample(mine, 9), strict=True
    ):
        gsuite.drive(stage.scribe, moment, gsuite.account(user, where), "download", paper, decisive=True)


CASES = (
    Case(
        (
            staff(
                "returned/leave",
                "benign",
                "Away for a fortnight; the address is new, in the same town, but computer and applications are those of "
                "before.",
                returned_from_leave,
                team="it",
                index=3,
            ),
            staff(
                "returned/another",
                "malicious",
                "Usual administrator and address; who comes back has a computer never seen, elsewhere, sets up a factor "
                "and fetches another team's papers.",
                returned_as_another,
                team="it",
                index=0,
                subtle=True,
            ),
        ),
        _return_history,
    ),
    Case(
        (
            staff(
                "second-step/owner",
                "benign",
                "The user fails, signs in and sets a new step up at the address where they work before and after.",
                step_for_owner,
                team="it",
                index=1,
            ),
            staff(
                "second-step/stranger",
                "malicious",
                "The user works at the usual address while somebody elsewhere signs in, sets a step up and fetches "
                "papers.",
                step_for_stranger,
                team="it",
                index=2,
                subtle=True,
            ),
        ),
        _step_history,
    ),
)
