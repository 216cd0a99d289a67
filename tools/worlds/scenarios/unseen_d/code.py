"""GitHub: many repositories cloned, and workflows that somebody starts on a branch."""

from dataclasses import replace

from tools.worlds.cast import Cast
from tools.worlds.company import Person, Presence
from tools.worlds.days import day_of
from tools.worlds.lake import Record, Scribe
from tools.worlds.names import REPOSITORIES
from tools.worlds.records import aws, github, gsuite, okta
from tools.worlds.scenarios.scenario import earlier
from tools.worlds.scenarios.stage import Stage, past
from tools.worlds.scenarios.unseen.case import Case, desk, today
from tools.worlds.scenarios.unseen.code import own_repository

from .players import staff

_CLONES = 9
_WORKFLOW = "deploy-preview"
_GITHUB = "GitHub Enterprise Cloud"
_HTTP: Record = {
    "transport_protocol": 1,
    "transport_protocol_name": "http",
    "programmatic_access_type": "OAuth access token",
}


def _usual(scribe: Scribe, person: Person) -> list[str]:
    """The repositories that somebody works on every day."""
    return scribe.company.dice.child("repositories", person.user).sample(REPOSITORIES, 4)


def _clone(stage: Stage, where: Presence, repositories: list[str]) -> github.Actor:
    """A command line is let into the account, and clones; the answer is its login, with the token."""
    browser = github.browser(stage.person, where)
    number = int(stage.dice.digits(8))
    extra: Record = {"oauth_application_name": "GitHub CLI", "token_id": number}
    github.event(stage.scribe, stage.before(4), browser, "oauth_authorization.create", "", extra=extra, decisive=True)
    holder = replace(browser, agent="git/2.47.1", channel={**_HTTP, "token_id": number})
    moments = aws.pace(stage.dice, stage.at, len(repositories), 20, 60)
    for moment, repository in zip(moments, repositories, strict=True):
        github.event(stage.scribe, moment, holder, "git.clone", repository, decisive=True)
    return holder


def cloned_to_laptop(stage: Stage) -> None:
    """A new laptop, and nobody has done so before.

    An analyst finds that a second computer was enrolled an hour before at the person's usual address, with the second
    factor, beside the old one; that the four repositories of every day are among the clones; and that the token pushes to
    them within the hour.
    """
    scribe, person, day = stage.scribe, stage.person, today(stage)
    laptop = okta.Client(
        day.presence, person.agent, person.system, person.browser, stage.dice.hex(40), "idx" + stage.dice.hex(22)
    )
    okta.open_app(scribe, stage.before(64), person, day.client, "Confluence", decisive=True)
    okta.sign_in(scribe, stage.before(58), person, laptop, decisive=True)
    okta.event(
        scribe, stage.before(55), person, laptop, "device.enrollment.create", about=[person],
        targets=[okta.thing("Device", f"{person.user}-2", "guo" + stage.dice.hex(17))], decisive=True,
    )  # fmt: skip
    okta.open_app(scribe, stage.before(7), person, laptop, _GITHUB, decisive=True)
    usual = _usual(scribe, person)
    others = [name for name in REPOSITORIES if name not in usual]
    holder = _clone(stage, day.presence, stage.dice.shuffled([*usual, *stage.dice.sample(others, _CLONES - 4)]))
    for moment, (action, repository) in zip(
        aws.pace(stage.dice, stage.after(24, 28), 4, 200, 500),
        (("git.fetch", usual[0]), ("git.push", usual[0]), ("git.push", usual[1]), ("git.push", usual[0])),
        strict=True,
    ):
        github.event(scribe, moment, holder, action, repository, decisive=True)
    browser = github.browser(person, day.presence)
    github.event(scribe, stage.after(66, 74), browser, "pull_request.create", usual[0], decisive=True)


def cloned_by_leaver(stage: Stage) -> None:
    """Own computer, own address, own rights.

    An analyst finds that the people team put the person into the group of those who leave some days before, that it is
    evening, that none of the clones is of a repository that the person works on, that customers' papers of another team
    are fetched, and that the token is thrown away unused.
    """
    scribe, person, company = stage.scribe, stage.person, stage.scribe.company
    clerk, home = company.team("people")[0], company.home(person)
    told = earlier(scribe, clerk, 3)
    leavers = okta.thing("UserGroup", "Leavers this month", "00g" + company.dice.child("group", "leavers").hex(17))
    at_desk = day_of(scribe, clerk, company.timeline.local_date(told, clerk.office.offset)).client
    okta.event(
        scribe, told, clerk, at_desk, "group.user_membership.add", about=[person], targets=[leavers], decisive=True
    )  # fmt: skip
    using = okta.client(person, home, "idx" + stage.dice.hex(22))
    okta.sign_in(scribe, stage.before(16), person, using, decisive=True)
    okta.open_app(scribe, stage.before(9), person, using, _GITHUB, decisive=True)
    usual = _usual(scribe, person)
    _clone(stage, home, stage.dice.sample([name for name in REPOSITORIES if name not in usual], _CLONES))
    customers = [paper for paper in company.documents["sales"] if "customer list" in paper[1]]
    for moment, paper in zip(aws.pace(stage.dice, stage.after(19, 23), 8, 20, 70), customers, strict=False):
        gsuite.drive(scribe, moment, gsuite.account(person, home), "download", paper, decisive=True)
    extra: Record = {"oauth_application_name": "GitHub CLI"}
    browser = github.browser(person, home)
    github.event(scribe, stage.after(36, 42), browser, "oauth_authorization.destroy", "", extra=extra, decisive=True)


def _dispatch(stage: Stage, starter: github.Actor, pusher: github.Actor, repository: str) -> Record:
    """A branch is pushed, its workflow started by hand, and run to its end; the answer is the run."""
    scribe = stage.scribe
    github.event(scribe, stage.before(6), pusher, "git.push", repository, decisive=True)
    run: Record = {
        "workflow_run_id": int(stage.dice.digits(10)),
        "name": _WORKFLOW,
        "head_branch": f"fix-{stage.dice.hex(4)}",
        "event": "workflow_dispatch",
    }
    github.event(scribe, stage.at, starter, "workflows.created_workflow_run", repository, extra=run, decisive=True)
    bot = github.Actor(f"{scribe.company.org}-ci[bot]", scribe.company.runner)
    done = {**run, "conclusion": "success"}
    github.event(
        scribe, stage.after(4, 6), bot, "workflows.completed_workflow_run", repository, extra=done, decisive=True
    )  # fmt: skip
    return run


def _preview(stage: Stage, colleague: Person) -> None:
    """What is tried on the branch is deployed by the pipeline, reviewed by a colleague, and merged."""
    scribe, company, day = stage.scribe, stage.scribe.company, today(stage)
    repository = own_repository(scribe, stage.person)
    browser = github.browser(stage.person, day.presence)
    github.event(scribe, stage.before(3), browser, "pull_request.create", repository, decisive=True)
    _dispatch(stage, browser, github.terminal(stage.person, day.presence), repository)
    start = stage.after(2, 3)
    session = aws.role_session(company.roles["app-deployer"], "preview", start, stage.dice)
    steps = ("ecs:DescribeServices", "ecs:RegisterTaskDefinition", "ecs:UpdateService")
    for moment, action in zip(aws.pace(stage.dice, start, 3, 5, 20), steps, strict=True):
        aws.call(scribe, moment, session, action, {"cluster": "preview"}, decisive=True)
    reviewer = github.browser(colleague, desk(stage, colleague).presence)
    github.event(scribe, stage.after(31, 38), reviewer, "pull_request_review.submit", repository, decisive=True)
    github.event(scribe, stage.after(44, 50), browser, "pull_request.merge", repository, decisive=True)


def _workflow_history(scribe: Scribe, cast: Cast) -> None:
    team = scribe.company.team("engineering")
    _preview(past(scribe.aside("preview"), cast, team[4], 18), team[7])


def started_for_review(stage: Stage) -> None:
    """On a trip, on a repository of every day.

    An analyst finds the sign-on to GitHub from the hotel with the person's own computer, the pipeline at its usual address
    on the preview alone, a review by a colleague, and the merge.
    """
    okta.open_app(stage.scribe, stage.before(24), stage.person, today(stage).client, _GITHUB, decisive=True)
    _preview(stage, stage.scribe.company.team("engineering")[6])


def started_for_secrets(stage: Stage) -> None:
    """Somebody has the person's login of GitHub, and is after what the workflow can read.

    An analyst finds no sign-on from the address while the person works at the usual one, no review; the run is removed
    from the list, and a session of the deployer asks for secrets at an address where the pipeline never ran.
    """
    scribe, company, day, where = stage.scribe, stage.scribe.company, today(stage), stage.elsewhere()
    repository = own_repository(scribe, stage.person)
    own, browser = github.terminal(stage.person, day.presence), github.browser(stage.person, where)
    github.event(scribe, stage.before(17), own, "git.push", repository, decisive=True)
    pusher = replace(browser, agent="git/2.43.0", channel={**_HTTP, "token_id": int(stage.dice.digits(8))})
    run = _dispatch(stage, browser, pusher, repository)
    github.event(
        scribe, stage.after(8, 10), browser, "workflows.delete_workflow_run", repository, extra=run, decisive=True
    )  # fmt: skip
    github.event(scribe, stage.after(11, 13), own, "git.fetch", repository, decisive=True)
    start, place = stage.after(14, 17), stage.elsewhere()
    session = aws.role_session(company.roles["app-deployer"], "deploy", start, stage.dice).elsewhere(
        place.address, "aws-cli/2.17.9 md/awscrt#0.20.11 ua/2.0 os/linux#6.6.15 md/arch#x86_64 lang/python#3.11.8"
    )
    steps = (
        "sts:GetCallerIdentity", "s3:ListBuckets", "secretsmanager:ListSecrets", "secretsmanager:GetSecretValue",
        "secretsmanager:GetSecretValue", "secretsmanager:GetSecretValue",
    )  # fmt: skip
    for moment, action in zip(aws.pace(stage.dice, start, len(steps), 8, 40), steps, strict=True):
        aws.call(scribe, moment, session, action, decisive=True)


CASES = (
    Case(
        (
            staff(
                "many-clones/laptop",
                "benign",
                "A first time; a second computer was enrolled at the usual address, the repositories of every day are "
                "among the clones and are pushed to with the token.",
                cloned_to_laptop,
                team="engineering",
                index=0,
                hour=14.0,
                subtle=True,
            ),
            staff(
                "many-clones/leaver",
                "malicious",
                "Own computer and address, in the evening, days after the people team named the person as leaving; "
                "foreign repositories and customers' papers.",
                cloned_by_leaver,
                team="engineering",
                index=1,
                hour=20.0,
                subtle=True,
                fair=("suspicious",),
            ),
        ),
    ),
    Case(
        (
            staff(
                "branch-workflow/review",
                "benign",
                "Signed on from the hotel with the own computer; the pipeline deploys the preview from its address, a "
                "colleague reviews, and it is merged.",
                started_for_review,
                team="engineering",
                index=2,
                travels=True,
                near=True,
            ),
            staff(
                "branch-workflow/secrets",
                "malicious",
                "No sign-on from the address, no review, the run is removed, and the deployer's role reads secrets at an "
                "address where it never ran.",
                started_for_secrets,
                team="engineering",
                index=3,
            ),
        ),
        _workflow_history,
    ),
)
