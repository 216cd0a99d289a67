"""Vaults that are exported, and programs that copy files away from laptops."""

from tools.worlds.cast import Cast
from tools.worlds.lake import Scribe
from tools.worlds.records import azure, endpoint, onepassword
from tools.worlds.records.aws import pace
from tools.worlds.scenarios.stage import Stage, part, past

from .case import Case

_BAD_PASSWORD, _NO_FACTOR = 50126, 500121
_DESKTOP = onepassword.App()
_RCLONE = "\\Users\\Public\\tools\\rclone.exe"
_COMMAND = "rclone.exe copy D:\\reports remote:reports --transfers 8"
_ZIP = "\\Program Files\\7-Zip\\7z.exe"


def _export(stage: Stage) -> None:
    scribe, branch = stage.scribe, stage.branch
    onepassword.sign_in(scribe, branch, stage.before(5), stage.person, stage.where, app=_DESKTOP, decisive=True)
    for moment in pace(stage.dice, stage.at, 3, 5, 30):
        item = f"login {stage.dice.between(1, 6)}"
        onepassword.use_item(
            scribe, branch, moment, stage.person, stage.where, "support", item, app=_DESKTOP, action="export", decisive=True
        )  # fmt: skip


def _export_history(scribe: Scribe, cast: Cast) -> None:
    """A copy for the safe, every week, by whose turn it is."""
    for index, days_ago in ((0, 26), (1, 19), (2, 12), (3, 5)):
        _export(past(scribe.aside("safe"), cast, cast.branch.colleagues["support"][index], days_ago))


def exported_for_safe(stage: Stage) -> None:
    """This week's turn; nobody uses what is in it from elsewhere."""
    _export(stage)
    onepassword.use_item(
        stage.scribe, stage.branch, stage.after(9, 14), stage.person, stage.where, "support", "safe record",
        app=_DESKTOP, action="server-create", decisive=True,
    )  # fmt: skip


def exported_for_thief(stage: Stage) -> None:
    """Soon after, one unknown address tries the passwords of three people, and lacks the second factor."""
    _export(stage)
    where = stage.elsewhere()
    victims = [stage.person, *stage.branch.colleagues["support"][2:]]
    for number, victim in enumerate(victims):
        for moment, error in zip(
            pace(stage.dice, stage.after(11 + 5 * number, 12 + 5 * number), 3, 20, 60),
            (_BAD_PASSWORD, _NO_FACTOR, _NO_FACTOR),
            strict=True,
        ):
            azure.sign_in(
                stage.scribe, stage.branch, moment, victim, where, error=error, known_device=False, decisive=True
            )


def _copy(stage: Stage, remote: str, sha256: str = "") -> None:
    scribe, branch, person = stage.scribe, stage.branch, stage.person
    endpoint.process(
        scribe, branch, stage.at, person, _RCLONE, _COMMAND, parent="cmd.exe", sha256=sha256, decisive=True
    )  # fmt: skip
    for moment in pace(stage.dice, stage.after(1, 2), 4, 40, 200):
        endpoint.connect(scribe, branch, moment, person, _RCLONE, remote, decisive=True)


def _copy_history(scribe: Scribe, cast: Cast) -> None:
    """Reports move to the company's storage, team by team."""
    for team, index, days_ago in (("analytics", 0, 16), ("analytics", 1, 9), ("support", 2, 7), ("analytics", 3, 3)):
        stage = past(scribe.aside("move"), cast, cast.branch.colleagues[team][index], days_ago)
        _copy(stage, scribe.company.storage)


def carried_off(stage: Stage) -> None:
    """Folders that are not reports are packed first, it goes to an unknown address, and the traces are removed."""
    scribe, branch, person = stage.scribe, stage.branch, stage.person
    for minutes, folder in ((11, "finance"), (6, "mail")):
        command = f"7z.exe a -pP{stage.dice.hex(8)} D:\\reports\\{folder}.7z C:\\Users\\{person.user}\\{folder}"
        endpoint.process(scribe, branch, stage.before(minutes), person, _ZIP, command, parent="cmd.exe", decisive=True)
    _copy(stage, stage.elsewhere().address)
    program = "\\Windows\\System32\\wevtutil.exe"
    endpoint.process(
        scribe,
        branch,
        stage.after(20, 28),
        person,
        program,
        "wevtutil.exe cl Security",
        parent="cmd.exe",
        decisive=True,
    )


CASES = (
    Case(
        (
            part(
                "export/safe",
                "benign",
                "A weekly duty of the team, by turns; nobody tries the passwords from elsewhere.",
                exported_for_safe,
                team="support",
                hours_ago=5,
            ),
            part(
                "export/thief",
                "malicious",
                "Usual actor and address; minutes later one unknown address tries the passwords of three people of the "
                "team.",
                exported_for_thief,
                team="support",
                hours_ago=5,
                subtle=True,
                fair=("suspicious",),
            ),
        ),
        _export_history,
    ),
    Case(
        (
            part(
                "copy/carried-off",
                "malicious",
                "Folders are packed with a password first, it goes to an address never seen, and a log is cleared.",
                carried_off,
                team="analytics",
                hours_ago=16,
            ),
        ),
        _copy_history,
    ),
)
