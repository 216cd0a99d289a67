"""GitHub: branch protection, and collaborators from outside."""

from tools.worlds.cast import Cast
from tools.worlds.company import AUDITOR, Person, Presence
from tools.worlds.dice import Dice
from tools.worlds.lake import Record, Scribe
from tools.worlds.names import GIVEN, REPOSITORIES
from tools.worlds.records import aws, github
from tools.worlds.scenarios.stage import Stage, past

from .case import Case, staff

_MAIN: Record = {"name": "main"}


def own_repository(scribe: Scribe, person: Person) -> str:
    """One of those that the person works on every day."""
    return scribe.company.dice.child("repositories", person.user).sample(REPOSITORIES, 4)[0]


def _bot(scribe: Scribe, where: Presence) -> github.Actor:
    return github.Actor(f"{scribe.company.org}-ci[bot]", where)


def build(stage: Stage, minutes: float, repository: str, where: Presence, extra: Record) -> None:
    """Continuous integration builds a repository, at an address."""
    run: Record = {"workflow_run_id": int(stage.dice.digits(10)), "name": "build", "head_branch": "main", **extra}
    start = stage.after(minutes, minutes + 1)
    bot = _bot(stage.scribe, where)
    github.event(
        stage.scribe, start, bot, "workflows.created_workflow_run", repository, extra=run, decisive=True
    )  # fmt: skip
    done = {**run, "conclusion": "success"}
    end = start + stage.dice.minutes(2, 3)
    github.event(stage.scribe, end, bot, "workflows.completed_workflow_run", repository, extra=done, decisive=True)


def _by_token(person: Person, where: Presence) -> github.Actor:
    """The person's login with a token, over HTTPS."""
    channel: Record = {
        "transport_protocol": 1,
        "transport_protocol_name": "http",
        "programmatic_access_type": "Personal access token (classic)",
    }
    return github.Actor(person.login, where, "git/2.39.5", person.github_id, channel)


def _unprotected(stage: Stage, pusher: github.Actor) -> str:
    """Protection goes off, somebody pushes, the push is built, protection goes on again."""
    repository = own_repository(stage.scribe, stage.person)
    person = github.browser(stage.person, stage.where)
    github.event(
        stage.scribe, stage.at, person, "protected_branch.destroy", repository, extra=_MAIN, decisive=True
    )  # fmt: skip
    github.event(stage.scribe, stage.after(2, 3), pusher, "git.push", repository, decisive=True)
    build(stage, 4, repository, stage.scribe.company.runner, {})
    github.event(
        stage.scribe, stage.after(9, 12), person, "protected_branch.create", repository, extra=_MAIN, decisive=True
    )  # fmt: skip
    return repository


def _protection_history(scribe: Scribe, cast: Cast) -> None:
    for index, days_ago in ((10, 25), (11, 17), (6, 9)):
        stage = past(scribe.aside("hot fix"), cast, scribe.company.team("engineering")[index], days_ago)
        _unprotected(stage, github.terminal(stage.person, stage.where))


def hot_fix(stage: Stage) -> None:
    """The same person pushes from the same computer, and a colleague reviews it afterwards."""
    repository = _unprotected(stage, github.terminal(stage.person, stage.where))
    colleague = stage.scribe.company.team("engineering")[10]
    where = stage.branch.presence(colleague, stage.at)
    github.event(
        stage.scribe, stage.after(31, 40), github.browser(stage.person, stage.where), "pull_request.create", repository,
        decisive=True,
    )  # fmt: skip
    reviewer = github.browser(colleague, where)
    github.event(
        stage.scribe, stage.after(44, 55), reviewer, "pull_request_review.submit", repository, decisive=True
    )  # fmt: skip


def slipped_in(stage: Stage) -> None:
    """The push comes with a token from an unknown address, which clones other repositories afterwards."""
    thief = _by_token(stage.person, stage.elsewhere())
    _unprotected(stage, thief)
    others = stage.dice.sample(REPOSITORIES, 5)
    for moment, repository in zip(aws.pace(stage.dice, stage.after(14, 18), 5, 20, 90), others, strict=True):
        github.event(stage.scribe, moment, thief, "git.clone", repository, decisive=True)


def outsider_of(stage: Stage, key: str, where: Presence) -> github.Actor:
    """A login outside the organisation; the same for the same key."""
    dice: Dice = stage.scribe.company.dice.child("outsider", key)
    login = f"{dice.pick(GIVEN).lower()}-{dice.hex(4)}"
    return github.Actor(login, where, "git/2.47.1", int(dice.digits(8)), {"transport_protocol_name": "ssh"})


def _add(stage: Stage, outsider: github.Actor, repository: str) -> None:
    github.event(
        stage.scribe, stage.at, github.browser(stage.person, stage.where), "repo.add_member", repository,
        extra={"user": outsider.login, "permission": "write"}, decisive=True,
    )  # fmt: skip


def _contractor(stage: Stage) -> github.Actor:
    return outsider_of(stage, "contractor", stage.scribe.company.guests[AUDITOR])


def _collaborator_history(scribe: Scribe, cast: Cast) -> None:
    """A contractor has worked on one repository for two weeks."""
    person = scribe.company.team("engineering")[10]
    stage = past(scribe.aside("contractor"), cast, person, 16)
    contractor = _contractor(stage)
    _add(stage, contractor, "ledger-web")
    for days_ago in range(15, 0, -1):
        later = past(scribe.aside("contractor"), cast, person, days_ago)
        for moment, action in zip(
            aws.pace(later.dice, later.after(5, 200), 3, 300, 4000),
            ("git.fetch", "git.push", "pull_request.create"),
            strict=True,
        ):
            github.event(later.scribe, moment, contractor, action, "ledger-web")


def contractor_added(stage: Stage) -> None:
    """The known contractor gets one more repository, and works on it."""
    contractor, repository = _contractor(stage), own_repository(stage.scribe, stage.person)
    _add(stage, contractor, repository)
    steps = ("git.clone", "git.push", "pull_request.create")
    for moment, action in zip(aws.pace(stage.dice, stage.after(7, 12), 3, 400, 900), steps, strict=True):
        github.event(stage.scribe, moment, contractor, action, repository, decisive=True)
    own = github.browser(stage.person, stage.where)
    github.event(
        stage.scribe, stage.after(61, 70), own, "pull_request_review.submit", repository, decisive=True
    )  # fmt: skip


CASES = (
    Case(
        (
            staff(
                "protection/hot-fix",
                "benign",
                "The same person pushes from the same computer, protection is back in minutes, a colleague reviews it.",
                hot_fix,
                team="engineering",
                index=2,
            ),
            staff(
                "protection/slipped-in",
                "malicious",
                "Usual actor and address, and protection is back; but the push came with a token from an unknown "
                "address, which then clones five repositories.",
                slipped_in,
                team="engineering",
                index=3,
                subtle=True,
            ),
        ),
        _protection_history,
    ),
    Case(
        (
            staff(
                "collaborator/contractor",
                "benign",
                "The login has worked on another repository for two weeks, and pushes its work to this one.",
                contractor_added,
                team="engineering",
                index=4,
            ),
        ),
        _collaborator_history,
    ),
)
