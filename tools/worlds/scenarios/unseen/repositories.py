"""GitHub: machines that builds run on, and repositories made public."""

from tools.worlds.background.machines import fingerprint
from tools.worlds.cast import Cast
from tools.worlds.company import Presence
from tools.worlds.lake import Scribe
from tools.worlds.names import REPOSITORIES
from tools.worlds.records import aws, github
from tools.worlds.scenarios.stage import Stage, past

from .case import Case, staff, today
from .code import build, outsider_of, own_repository

_NEW_REPOSITORY = "brand-tokens"


def _runner(stage: Stage, name: str, action: str, minutes: float = 0) -> None:
    github.event(
        stage.scribe, stage.after(minutes, minutes + 2) if minutes else stage.at,
        github.browser(stage.person, stage.where), f"repo.{action}_self_hosted_runner",
        own_repository(stage.scribe, stage.person), extra={"runner_name": name}, decisive=True,
    )  # fmt: skip


def _fetch(stage: Stage, minutes: float, repository: str, where: Presence) -> None:
    key = github.deploy_key(fingerprint(stage.scribe, repository), where)
    at = stage.after(minutes, minutes + 2)
    github.event(stage.scribe, at, key, "git.fetch", repository, decisive=True)


def _renew_runner(stage: Stage) -> None:
    """The new runner works where all builds do, then the old one is taken out."""
    company = stage.scribe.company
    name, repository = f"build-{stage.dice.digits(3)}", own_repository(stage.scribe, stage.person)
    _runner(stage, name, "register")
    _fetch(stage, 5, repository, company.runner)
    build(stage, 8, repository, company.runner, {"runner_name": name})
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
    name, repository = f"build-{stage.dice.digits(3)}", own_repository(stage.scribe, stage.person)
    _runner(stage, name, "register")
    _fetch(stage, 5, repository, where)
    build(stage, 8, repository, where, {"runner_name": name})
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
            stage.scribe, at, own, "git.fetch", own_repository(stage.scribe, stage.person), decisive=True
        )  # fmt: skip
    _visible(stage, repository, where, "public")
    thief = outsider_of(stage, "stranger", where)
    for moment in aws.pace(stage.dice, stage.after(2, 3), 2, 60, 150):
        github.event(stage.scribe, moment, thief, "git.clone", repository, decisive=True)
    _visible(stage, repository, where, "private", 11)


CASES = (
    Case(
        (
            staff(
                "runner/renewed",
                "benign",
                "The runner builds at the address of all builds, and the old one is removed, as colleagues did.",
                runner_renewed,
                team="engineering",
                index=7,
            ),
            staff(
                "runner/elsewhere",
                "malicious",
                "Usual actor and address; the runner builds at an unknown address, which then uses other deploy keys.",
                runner_elsewhere,
                team="engineering",
                index=6,
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
