"""GitHub: tokens that are let into the organisation."""

from dataclasses import replace

from tools.worlds.cast import Cast
from tools.worlds.lake import Record, Scribe
from tools.worlds.names import REPOSITORIES
from tools.worlds.records import aws, github, okta
from tools.worlds.scenarios.stage import Stage, past
from tools.worlds.scenarios.unseen.case import Case, today
from tools.worlds.scenarios.unseen.code import outsider_of, own_repository

from .players import staff

_CHANNEL: Record = {
    "transport_protocol": 1,
    "transport_protocol_name": "http",
    "programmatic_access_type": "Fine-grained personal access token",
}


def _grant(stage: Stage, owner: github.Actor, requester: github.Actor, asked: float) -> github.Actor:
    """A token is asked for, and let in; the answer is its holder, with the token."""
    number = int(stage.dice.digits(8))
    extra: Record = {
        "user": requester.login,
        "user_programmatic_access_name": f"builds-{stage.dice.hex(3)}",
        "user_programmatic_access_id": number,
        "repository_selection": "all",
    }
    github.event(
        stage.scribe, stage.before(asked), requester, "personal_access_token.request_created", "", extra=extra,
        decisive=True,
    )  # fmt: skip
    github.event(
        stage.scribe, stage.at, owner, "personal_access_token.access_granted", "", extra=extra, decisive=True
    )  # fmt: skip
    return replace(requester, agent="git/2.47.1", channel={**_CHANNEL, "token_id": number})


def _for_colleague(stage: Stage, index: int) -> None:
    """A colleague asked an hour before, and uses the token from their own address on what they work on."""
    colleague = stage.scribe.company.team("engineering")[index]
    where = stage.branch.presence(colleague, stage.at)
    owner = github.browser(stage.person, stage.where)
    holder = _grant(stage, owner, github.browser(colleague, where), 65)
    repository = own_repository(stage.scribe, colleague)
    terminal = github.terminal(colleague, where)
    github.event(stage.scribe, stage.before(40), terminal, "git.push", repository, decisive=True)
    for moment in aws.pace(stage.dice, stage.after(9, 14), 3, 200, 700):
        github.event(stage.scribe, moment, holder, "git.fetch", repository, decisive=True)


def _history(scribe: Scribe, cast: Cast) -> None:
    for index, colleague, days_ago in ((4, 0, 21), (0, 4, 8)):
        stage = past(scribe.aside("token", days_ago), cast, scribe.company.team("engineering")[index], days_ago)
        _for_colleague(stage, colleague)


def granted_to_colleague(stage: Stage) -> None:
    """On a trip, signed in from the hotel with the own device."""
    day = today(stage)
    okta.open_app(stage.scribe, stage.before(15), stage.person, day.client, "GitHub Enterprise Cloud", decisive=True)
    _for_colleague(stage, 6)


def granted_to_stranger(stage: Stage) -> None:
    """From where nobody signed in, a login never seen becomes a member, gets its token in, and clones."""
    scribe, where = stage.scribe, stage.elsewhere()
    owner = github.browser(stage.person, where)
    stranger = outsider_of(stage, "member", where)
    own = github.terminal(stage.person, today(stage).presence)
    for minutes in (31, -18):
        github.event(
            scribe, stage.before(minutes), own, "git.fetch", own_repository(scribe, stage.person), decisive=True
        )  # fmt: skip
    github.event(
        scribe, stage.before(24), owner, "org.add_member", "", extra={"user": stranger.login, "permission": "read"},
        decisive=True,
    )  # fmt: skip
    holder = _grant(stage, owner, replace(stranger, agent=stage.person.agent, channel={}), 8)
    for moment, repository in zip(
        aws.pace(stage.dice, stage.after(3, 5), 9, 10, 50), stage.dice.sample(REPOSITORIES, 9), strict=True
    ):
        github.event(scribe, moment, holder, "git.clone", repository, decisive=True)


CASES = (
    Case(
        (
            staff(
                "token-grant/colleague",
                "benign",
                "New address after a sign-in there with the own device; a colleague asked, and uses the token at their "
                "own address on their own work.",
                granted_to_colleague,
                team="engineering",
                index=2,
                travels=True,
            ),
            staff(
                "token-grant/stranger",
                "malicious",
                "No sign-in from that address, and the person is at work at another; a login never seen becomes a "
                "member and clones nine repositories.",
                granted_to_stranger,
                team="engineering",
                index=3,
            ),
        ),
        _history,
    ),
)
