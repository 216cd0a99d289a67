"""Entra ID: computers that the company does not manage, and rules on how people sign in."""

from tools.worlds.cast import Cast
from tools.worlds.company import Person, Presence
from tools.worlds.lake import Scribe
from tools.worlds.records import azure, endpoint, onepassword, snowflake
from tools.worlds.records.aws import pace
from tools.worlds.scenarios.stage import Stage, part, past

from .case import Case

_DENIED = 500121
_POLICY = ("Policy", "Second factor for the warehouse")
_CHROME = "\\Program Files\\Google\\Chrome\\Application\\chrome.exe"


def _sign_in_unmanaged(stage: Stage, where: Presence) -> None:
    azure.sign_in(stage.scribe, stage.branch, stage.at, stage.person, where, known_device=False, decisive=True)


def _new_laptop(stage: Stage, helper: Person) -> None:
    """Support makes the device known; the person signs in with it, registers it, and goes on with it."""
    scribe, branch, person = stage.scribe, stage.branch, stage.person
    device = ("Device", f"LT-{stage.dice.hex(6).upper()}")
    desk = branch.presence(helper, stage.at)
    azure.directory(scribe, branch, stage.before(38), helper, desk, "Add device", device, decisive=True)
    _sign_in_unmanaged(stage, stage.where)
    azure.directory(scribe, branch, stage.after(3, 5), person, stage.where, "Register device", device, decisive=True)
    azure.directory(
        scribe, branch, stage.after(8, 12), helper, desk, "Add registered owner to device", device, about=[person],
        decisive=True,
    )  # fmt: skip
    azure.sign_in(scribe, branch, stage.after(15, 20), person, stage.where, decisive=True)
    onepassword.sign_in(scribe, branch, stage.after(22, 28), person, stage.where, decisive=True)


def _laptop_history(scribe: Scribe, cast: Cast) -> None:
    branch = cast.branch
    for team, index, days_ago in (("analytics", 0, 21), ("analytics", 2, 14), ("support", 1, 8)):
        stage = past(scribe.aside("laptop"), cast, branch.colleagues[team][index], days_ago)
        _new_laptop(stage, branch.colleagues["support"][0])


def new_laptop(stage: Stage) -> None:
    """One more of those."""
    _new_laptop(stage, stage.branch.colleagues["support"][0])


def _still_here(stage: Stage, low: float) -> None:
    """The person's own laptop at its usual address."""
    scribe, branch, person = stage.scribe, stage.branch, stage.person
    endpoint.process(scribe, branch, stage.after(low, low + 4), person, _CHROME, "chrome.exe", decisive=True)
    azure.sign_in(
        scribe, branch, stage.after(low + 5, low + 9), person, stage.where, app="Microsoft Teams", interactive=False,
        decisive=True,
    )  # fmt: skip


def strange_laptop(stage: Stage) -> None:
    """Prompts are denied until one is not; the new place reads customers, while the own laptop is at work."""
    scribe, branch, person, where = stage.scribe, stage.branch, stage.person, stage.elsewhere()
    for moment in pace(stage.dice, stage.before(9), 4, 40, 100):
        azure.sign_in(scribe, branch, moment, person, where, error=_DENIED, known_device=False, decisive=True)
    _sign_in_unmanaged(stage, where)
    _still_here(stage, 2)
    snowflake.login(scribe, stage.after(6, 8), person, where.address, decisive=True)
    for moment in pace(stage.dice, stage.after(9, 11), 3, 30, 120):
        snowflake.query(scribe, moment, person, "SELECT * FROM customers", "SELECT", decisive=True)


def _set_policy(stage: Stage, state: str, minutes: float = 0) -> None:
    at = stage.after(minutes, minutes + 2) if minutes else stage.at
    azure.directory(
        stage.scribe, stage.branch, at, stage.person, stage.where, "Update conditional access policy", _POLICY,
        changes={"State": state}, decisive=True,
    )  # fmt: skip


def _tested(stage: Stage) -> None:
    """Off for the test of a change by the same person, then on again."""
    scribe, branch = stage.scribe, stage.branch
    _set_policy(stage, "enabledForReportingButNotEnforced")
    for moment in pace(stage.dice, stage.after(2, 3), 3, 60, 140):
        azure.sign_in(scribe, branch, moment, stage.person, stage.where, app="Snowflake", decisive=True)
    _set_policy(stage, "enabled", 13)


def _policy_history(scribe: Scribe, cast: Cast) -> None:
    for index, days_ago in ((2, 19), (3, 7)):
        _tested(past(scribe.aside("policy"), cast, cast.branch.colleagues["support"][index], days_ago))


def policy_tested(stage: Stage) -> None:
    """As colleagues did."""
    _tested(stage)


def policy_opened(stage: Stage) -> None:
    """While it is off, somebody comes in elsewhere as a colleague, with a password alone, and reads customers."""
    scribe, branch, where = stage.scribe, stage.branch, stage.elsewhere()
    victim = branch.colleagues["analytics"][1]
    _set_policy(stage, "enabledForReportingButNotEnforced")
    for moment in pace(stage.dice, stage.after(5, 7), 2, 30, 70):
        azure.sign_in(
            scribe, branch, moment, victim, where, app="Snowflake", second_factor=False, interactive=False,
            protocol="ropc", known_device=False, decisive=True,
        )  # fmt: skip
    snowflake.login(scribe, stage.after(10, 11), victim, where.address, client="JDBC_DRIVER", decisive=True)
    for moment in pace(stage.dice, stage.after(12, 13), 3, 40, 140):
        snowflake.query(scribe, moment, victim, "SELECT * FROM customers", "SELECT", decisive=True)
    _set_policy(stage, "enabled", 38)


CASES = (
    Case(
        (
            part(
                "laptop/new",
                "benign",
                "Support added the device before; it is registered at the usual address and managed minutes later.",
                new_laptop,
                team="analytics",
                hours_ago=6,
            ),
            part(
                "laptop/strange",
                "malicious",
                "Four denied prompts at the same unknown address before; customers are read, the own laptop is at work.",
                strange_laptop,
                team="analytics",
                hours_ago=6,
            ),
        ),
        _laptop_history,
    ),
    Case(
        (
            part(
                "policy/tested",
                "benign",
                "Only the same person signs in meanwhile, with the own device; on again within a quarter of an hour.",
                policy_tested,
                team="support",
                hours_ago=8,
            ),
            part(
                "policy/opened",
                "malicious",
                "Usual actor and address; while it is off a colleague's password is enough at an unknown address, "
                "which reads customers.",
                policy_opened,
                team="support",
                hours_ago=8,
                subtle=True,
            ),
        ),
        _policy_history,
    ),
)
