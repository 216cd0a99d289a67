"""GitHub: branch protection, collaborators from outside, build runners, and repositories made public."""

from tools.worlds.background.machines import fingerprint
from tools.worlds.cast import Cast
from tools.worlds.company import AUDITOR, Person, Presence
from tools.worlds.dice import Dice
from tools.worlds.lake import Record, Scribe
from tools.worlds.names import GIVEN, REPOSITORIES
from tools.worlds.records import aws, github
from tools.worlds.scenarios.stage import Stage, past

from .case import Case, staff, today

_MAIN: Record = {"name": "main"}
_NEW_REPOSITORY = "brand-tokens"


def _own_repository(scribe: Scribe, person: Person) -> str:
    """One of those that the person works on every day."""
    return scribe.company.dice.child("repositories", person.user).sample(REPOSITORIES, 4)[0]


def _bot(scribe: Scribe, where: Presence) -> github.Actor:
    return github.Actor(f"{scribe.company.org}-ci[bot]", where)


def _build(stage: Stage, minutes: float, repository: str, where: Presence, extra: Record) -> None:
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
    repository = _own_repository(stage.scribe, stage.person)
    person = github.browser(stage.person, stage.where)
    github.event(
        stage.scribe, stage.at, person, "protected_branch.destroy", repository, extra=_MAIN, decisive=True
    )  # fmt: skip
    github.event(stage.scribe, stage.after(2, 3), pusher, "git.push", repository, decisive=True)
    _build(stage, 4, repository, stage.scribe.company.runner, {})
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


def _outsider(stage: Stage, key: str, where: Presence) -> github.Actor:
    dice: Dice = stage.scribe.company.dice.child("outsider", key)
    login = f"{dice.pick(GIVEN).lower()}-{dice.hex(4)}"
    return github.Actor(login, where, "git/2.47.1", int(dice.digits(8)), {"transport_protocol_name": "ssh"})


def _add(stage: Stage, outsider: github.Actor, repository: str, action: str = "add", minutes: float = 0) -> None:
    github.event(
        stage.scribe, stage.after(minutes, minutes + 1) if minutes else stage.at,
        github.browser(stage.person, stage.where), f"repo.{action}_member", repository,
        extra={"user": outsider.login, "permission": "write"}, decisive=True,
    )  # fmt: skip


def _contractor(stage: Stage) -> github.Actor:
    return _outsider(stage, "contractor", stage.scribe.company.guests[AUDITOR])


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
    contractor, repository = _contractor(stage), _own_repository(stage.scribe, stage.person)
    _add(stage, contractor, repository)
    steps = ("git.clone", "git.push", "pull_request.create")
    for moment, action in zip(aws.pace(stage.dice, stage.after(7, 12), 3, 400, 900), steps, strict=True):
        github.event(stage.scribe, moment, contractor, action, repository, decisive=True)
    own = github.browser(stage.person, stage.where)
    github.event(
        stage.scribe, stage.after(61, 70), own, "pull_request_review.submit", repository, decisive=True
    )  # fmt: skip


def own_second_login(stage: Stage) -> None:
    """A login that nobody knows, at the very address of the one who added it, clones all and is removed again."""
    outsider, repository = _outsider(stage, "second", stage.where), _own_repository(stage.scribe, stage.person)
    _add(stage, outsider, repository)
    for moment, action in zip(
        aws.pace(stage.dice, stage.after(3, 5), 3, 60, 200), ("git.clone", "git.fetch", "repo.download_zip"), strict=True
    ):
        github.event(stage.scribe, moment, outsider, action, repository, decisive=True)
    _add(stage, outsider, repository, "remove", 21)


def _runner(stage: Stage, name: str, action: str, minutes: float = 0) -> None:
    github.event(
        stage.scribe, stage.after(minutes, minutes + 2) if minutes else stage.at,
        github.browser(stage.person, stage.where), f"repo.{action}_self_hosted_runner",
        _own_repository(stage.scribe, stage.person), extra={"runner_name": name}, decisive=True,
    )  # fmt: skip


def _fetch(stage: Stage, minutes: float, repository: str, where: Presence) -> None:
    key = github.deploy_key(fingerprint(stage.scribe, repository), where)
    at = stage.after(minutes, minutes + 2)
    github.event(stage.scribe, at, key, "git.fetch", repository, decisive=True)


def _renew_runner(stage: Stage) -> None:
    """The new runner works where all builds do, then the old one is taken out."""
    company = stage.scribe.company
    name, repository = f"build-{stage.dice.digits(3)}", _own_repository(stage.scribe, stage.person)
    _runner(stage, name, "register")
    _fetch(stage, 5, repository, company.runner)
    _build(stage, 8, repository, company.runner, {"runner_name": name})
    _runner(stage, f"build-{stage.dice.digits(3)}", "remove", 25)


def _runner_history(scribe: Scribe, cast: Cast) -> None:
    for index, days_ago in ((10, 23), (11, 11)):
        _renew_runner(past(scribe.aside("runner"), cast, scribe.company.team("engineering")[index], days_ago))


def runner_renewed(stage: Stage) -> None:
    """One more of those."""
    _renew_runner(stage)


def runner_elsewhere(stage: Stage) -> None:
    """The runner is a machine at an unknown address; builds run there, and the deploy keys that they see are used."""
    where = stage.elsewhere()
    name, repository = f"build-{stage.dice.digits(3)}", _own_repository(stage.scribe, stage.person)
    _runner(stage, name, "register")
    _fetch(stage, 5, repository, where)
    _build(stage, 8, repository, where, {"runner_name": name})
    for number, other in enumerate(stage.dice.sample(REPOSITORIES[:6], 4)):
        _fetch(stage, 17 + 4 * number, other, where)


def _visible(stage: Stage, repository: str, where: Presence, visibility: str, minutes: float = 0) -> None:
    previous = "private" if visibility == "public" else "public"
    github.event(
        stage.scribe, stage.after(minutes, minutes + 2) if minutes else stage.at, github.browser(stage.person, where),
        "repo.access", repository, extra={"visibility": visibility, "previous_visibility": previous}, decisive=True,
    )  # fmt: skip


def _public_history(scribe: Scribe, cast: Cast) -> None:
    """A repository is made for publication, and three people prepare it over a week."""
    team = scribe.company.team("engineering")
    owner, *others = (team[8], team[10], team[11])
    steps = (
        (owner, 9, ("repo.create", "git.push", "repository_secret_scanning.enable")),
        (others[0], 7, ("git.clone", "git.push", "pull_request.create")),
        (others[1], 5, ("git.clone", "git.push", "pull_request_review.submit")),
        (owner, 2, ("git.fetch", "git.push", "pull_request.merge")),
    )
    for person, days_ago, actions in steps:
        stage = past(scribe.aside("prepare", days_ago), cast, person, days_ago)
        for moment, action in zip(aws.pace(stage.dice, stage.at, 3, 200, 900), actions, strict=True):
            actor = github.terminal(person, stage.where) if action.startswith("git.") else None
            actor = actor or github.browser(person, stage.where)
            github.event(stage.scribe, moment, actor, action, _NEW_REPOSITORY, decisive=True)


def published(stage: Stage) -> None:
    """The repository was made for it; it stays public, and colleagues go on with it."""
    _visible(stage, _NEW_REPOSITORY, stage.where, "public")
    colleague = stage.scribe.company.team("engineering")[11]
    actor = github.terminal(colleague, stage.branch.presence(colleague, stage.at))
    own = github.browser(stage.person, stage.where)
    for moment, (who, action) in zip(
        aws.pace(stage.dice, stage.after(9, 14), 3, 120, 500),
        ((own, "repository_secret_scanning_push_protection.enable"), (actor, "git.fetch"), (actor, "git.push")),
        strict=True,
    ):
        github.event(stage.scribe, moment, who, action, _NEW_REPOSITORY, decisive=True)


def laid_open(stage: Stage) -> None:
    """The core of the product, for eleven minutes, from where the person is not; a stranger clones it."""
    where = stage.elsewhere()
    repository = "ledger-core"
    own = github.terminal(stage.person, today(stage).presence)
    for minutes in (16, -14):
        at = stage.before(minutes)
        github.event(
            stage.scribe, at, own, "git.fetch", _own_repository(stage.scribe, stage.person), decisive=True
        )  # fmt: skip
    _visible(stage, repository, where, "public")
    thief = _outsider(stage, "stranger", where)
    for moment in aws.pace(stage.dice, stage.after(2, 3), 2, 60, 150):
        github.event(stage.scribe, moment, thief, "git.clone", repository, decisive=True)
    _visible(stage, repository, where, "private", 11)


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
            staff(
                "collaborator/second-login",
                "malicious",
                "A login never seen, at the address of the one who added it, takes everything and is removed again.",
                own_second_login,
                team="engineering",
                index=5,
                subtle=True,
                fair=("suspicious",),
            ),
        ),
        _collaborator_history,
    ),
    Case(
        (
            staff(
                "runner/renewed",
                "benign",
                "The runner builds at the address of all builds, and the old one is removed, as colleagues did.",
                runner_renewed,
                team="engineering",
                index=6,
            ),
            staff(
                "runner/elsewhere",
                "malicious",
                "Usual actor and address; the runner builds at an unknown address, which then uses other deploy keys.",
                runner_elsewhere,
                team="engineering",
                index=7,
                subtle=True,
            ),
        ),
        _runner_history,
    ),
    Case(
        (
            staff(
                "public/published",
                "benign",
                "The repository was made days ago for it and prepared by three people; it stays public.",
                published,
                team="engineering",
                index=8,
            ),
            staff(
                "public/laid-open",
                "malicious",
                "From an address where the person is not; a login never seen clones it there before it is closed.",
                laid_open,
                team="engineering",
                index=9,
            ),
        ),
        _public_history,
    ),
)
