"""1Password: many items opened at once, and sign-ins with another program."""

from datetime import timedelta

from tools.worlds.cast import Cast
from tools.worlds.company import Presence
from tools.worlds.lake import LogType, Scribe
from tools.worlds.records import azure, onepassword, snowflake
from tools.worlds.records.aws import pace

from .stage import Stage, part, past

_MANY = 14
UNSEEN = ("vault/unseen", "vault/unheard")
SILENCE_BEFORE = timedelta(hours=3)
"""How long before the undecidable alerts the sign-in log falls silent."""


def history(scribe: Scribe, cast: Cast) -> None:
    """Passwords are replaced team by team; some people use the command line now and then."""
    branch = cast.branch
    for person, days_ago in zip(branch.colleagues["support"], (25, 19, 12, 6), strict=True):
        stage = past(scribe.aside("rotation"), cast, person, days_ago)
        _open_many(stage, stage.where, "enter-item-edit-mode")
    for person, days_ago in zip(branch.colleagues["analytics"], (23, 16, 9, 5), strict=True):
        stage = past(scribe.aside("program"), cast, person, days_ago)
        _command_line(stage, stage.where, person.team)


def _open_many(stage: Stage, where: Presence, then: str) -> None:
    """Each item of the team's vault is opened, and something is done with it."""
    for index, moment in enumerate(pace(stage.dice, stage.at, _MANY, 40, 110)):
        for at, action in ((moment, "reveal"), (moment + timedelta(seconds=20), then)):
            onepassword.use_item(
                stage.scribe, stage.branch, at, stage.person, where, stage.person.team, f"service {index}",
                action=action, decisive=True,
            )  # fmt: skip


def _sign_in(stage: Stage, where: Presence, minutes: float, app: onepassword.App = onepassword.BROWSER) -> None:
    onepassword.sign_in(stage.scribe, stage.branch, stage.before(minutes), stage.person, where, app=app, decisive=True)


def rotation(stage: Stage) -> None:
    """From a hotel: every item is edited after it was opened, and the loader's new key works from its usual address."""
    azure.sign_in(stage.scribe, stage.branch, stage.before(9), stage.person, stage.where, decisive=True)
    _sign_in(stage, stage.where, 6)
    _open_many(stage, stage.where, "enter-item-edit-mode")
    snowflake.login(
        stage.scribe, stage.after(50, 58), "LOADER_WEB", stage.branch.loaders.address, factor="RSA_KEYPAIR",
        client="PYTHON_DRIVER", version="3.12.2", decisive=True,
    )  # fmt: skip


def emptied(stage: Stage) -> None:
    """From the person's own computer, by a program on it: items are copied, and a loader's password is used far away."""
    azure.sign_in(stage.scribe, stage.branch, stage.before(9), stage.person, stage.where, decisive=True)
    _sign_in(stage, stage.where, 6)
    _open_many(stage, stage.where, "secure-copy")
    snowflake.login(
        stage.scribe, stage.after(50, 58), "LOADER_WEB", stage.elsewhere().address, factor="RSA_KEYPAIR",
        client="PYTHON_DRIVER", version="3.12.2", decisive=True,
    )  # fmt: skip


def unheard(stage: Stage) -> None:
    """What would tell is the sign-in before it, and the log of sign-ins has been silent for hours."""
    _sign_in(stage, stage.where, 12)
    _open_many(stage, stage.where, "fill")


def unseen(stage: Stage) -> None:
    """The same, after a sign-in from somewhere else that no log has."""
    _sign_in(stage, stage.elsewhere(), 12, onepassword.COMMAND_LINE)
    _open_many(stage, stage.where, "fill")


def _command_line(stage: Stage, where: Presence, vault: str) -> None:
    """One wrong password, then in; three items."""
    onepassword.sign_in(
        stage.scribe, stage.branch, stage.before(1), stage.person, where, app=onepassword.COMMAND_LINE, failed=True,
        decisive=True,
    )  # fmt: skip
    _sign_in(stage, where, 0, onepassword.COMMAND_LINE)
    for index, moment in enumerate(pace(stage.dice, stage.after(1, 3), 3, 20, 80)):
        onepassword.use_item(
            stage.scribe, stage.branch, moment, stage.person, where, vault, f"login {index + 1}",
            app=onepassword.COMMAND_LINE, action="fill", decisive=True,
        )  # fmt: skip


def command_line_from_hotel(stage: Stage) -> None:
    """Signed in to Entra ID from the same hotel with a second factor."""
    azure.sign_in(stage.scribe, stage.branch, stage.before(15), stage.person, stage.where, decisive=True)
    _command_line(stage, stage.where, stage.person.team)


def command_line_by_stranger(stage: Stage) -> None:
    """No sign-in to Entra ID from there: the person is at work elsewhere at the same time."""
    azure.sign_in(stage.scribe, stage.branch, stage.before(15), stage.person, stage.where, decisive=True)
    _command_line(stage, stage.elsewhere(), "cloud")


SCENARIOS = (
    part(
        "vault/rotation",
        "benign",
        "New address after a sign-in with a second factor; each item is edited, a replaced key is used as usual.",
        rotation,
        team="analytics",
        hours_ago=13.5,
        travels=True,
        subtle=True,
    ),
    part(
        "vault/emptied",
        "malicious",
        "Usual address and program; items are copied, none is edited, and a loader's user logs in from far away.",
        emptied,
        team="analytics",
        hours_ago=13.5,
        subtle=True,
    ),
    part(
        UNSEEN[1],
        "benign",
        "The sign-in that would tell is missing: the log of sign-ins has been silent since hours before.",
        unheard,
        team="support",
        hours_ago=4,
        silent=LogType.VAULT_SIGN_IN,
    ),
    part(
        UNSEEN[0],
        "malicious",
        "The sign-in that would tell is missing: the log of sign-ins has been silent since hours before.",
        unseen,
        team="support",
        hours_ago=4,
        silent=LogType.VAULT_SIGN_IN,
    ),
    part(
        "command-line/hotel",
        "benign",
        "New address, but signed in to Entra ID from it with a second factor; the items are the team's own.",
        command_line_from_hotel,
        team="analytics",
        hours_ago=16,
        travels=True,
    ),
    part(
        "command-line/stranger",
        "malicious",
        "No sign-in to Entra ID from that address, the person is at work elsewhere; another team's items are opened.",
        command_line_by_stranger,
        team="analytics",
        hours_ago=16,
    ),
)
