"""Laptops and the warehouse: copies that Windows restores files from, and tools that ask the warehouse."""

from tools.worlds.cast import Cast
from tools.worlds.company import Presence
from tools.worlds.lake import Scribe
from tools.worlds.records import azure, endpoint, snowflake
from tools.worlds.records.aws import pace
from tools.worlds.scenarios.stage import Stage, part, past
from tools.worlds.scenarios.unseen.case import Case

_CMD = "cmd.exe"
_SYSTEM = "\\Windows\\System32\\"
_BACKUP = "\\Program Files\\ShopBackup\\"
_LOCKER = "\\Users\\Public\\Music\\upd.exe"
_TUNNEL = "\\Users\\Public\\Documents\\tun.exe"
_BROWSER = "\\Program Files\\Google\\Chrome\\Application\\chrome.exe"
_TOOL = "\\Program Files\\DBeaver\\dbeaver.exe"
_SNOWFLAKE = "Snowflake"
_DRIVER = "3.16.1"
_TAKEN = 6


def _start(
    stage: Stage,
    minutes: float,
    program: str,
    command: str,
    parent: str = _CMD,
    *,
    sha256: str = "",
    as_system: bool = False,
) -> None:
    """A program starts on the person's laptop, so many minutes after the start; before it where that is negative."""
    endpoint.process(
        stage.scribe, stage.branch, stage.before(-minutes), stage.person, program, command, parent=parent,
        sha256=sha256, as_system=as_system, decisive=True,
    )  # fmt: skip


def _connect(stage: Stage, minutes: float, program: str, address: str) -> None:
    endpoint.connect(
        stage.scribe, stage.branch, stage.before(-minutes), stage.person, program, address, decisive=True
    )  # fmt: skip


def _delete_copies(stage: Stage) -> None:
    _start(stage, 0, f"{_SYSTEM}vssadmin.exe", "vssadmin.exe delete shadows /all /quiet")


def _renew_backup(stage: Stage, relay: str) -> None:
    """A new version of the backup program is rolled out, drops the old copies, and makes a full one."""
    package = "msiexec.exe /i C:\\ProgramData\\deploy\\ShopBackup-7.2.msi /qn"
    _start(stage, -7, f"{_SYSTEM}msiexec.exe", package, "AgentExecutor.exe", as_system=True)
    _start(stage, -2, f"{_BACKUP}rebase.exe", "rebase.exe --drop-local", "msiexec.exe")
    _start(stage, -1, f"{_SYSTEM}cmd.exe", "cmd.exe /c rebase.cmd", "rebase.exe")
    _delete_copies(stage)
    _start(stage, 1, f"{_SYSTEM}vssadmin.exe", "vssadmin.exe create shadow /for=C:")
    _start(stage, 3, f"{_BACKUP}shopbackup.exe", "shopbackup.exe --full", "services.exe", as_system=True)
    _connect(stage, 4, f"{_BACKUP}shopbackup.exe", relay)
    _connect(stage, 24, f"{_BACKUP}shopbackup.exe", relay)


def _copies_history(scribe: Scribe, cast: Cast) -> None:
    for index, days_ago in ((0, 6), (3, 2)):
        own = scribe.aside("rollout", index)
        relay = scribe.company.elsewhere("backup relay", index).address
        _renew_backup(past(own, cast, cast.branch.colleagues["support"][index], days_ago), relay)


def copies_renewed(stage: Stage) -> None:
    """A new version of the backup program, on one laptop after the other.

    An analyst finds that the software deployment started it, that a new copy is made at once and a full backup follows, and
    that the same chain ran on two colleagues' laptops in the week before. Its relay is another address on each.
    """
    _renew_backup(stage, stage.elsewhere().address)


def copies_destroyed(stage: Stage) -> None:
    """The same command, by the same shell.

    An analyst finds a program in a public folder, of no known kind, that asks for domains and administrators; the backup
    program is ended before, repair and event log go after, and no new copy is made.
    """
    unknown = stage.dice.hex(64)
    _start(stage, -21, _LOCKER, "upd.exe", "explorer.exe", sha256=unknown)
    _start(stage, -17, f"{_SYSTEM}nltest.exe", "nltest.exe /domain_trusts", "upd.exe")
    _start(stage, -16, f"{_SYSTEM}net.exe", 'net.exe group "domain admins" /domain', "upd.exe")
    _start(stage, -3, f"{_SYSTEM}taskkill.exe", "taskkill.exe /f /im shopbackup.exe")
    _start(stage, -1, f"{_SYSTEM}cmd.exe", "cmd.exe /c p.bat", "upd.exe")
    _delete_copies(stage)
    _start(stage, 1, f"{_SYSTEM}bcdedit.exe", "bcdedit.exe /set {default} recoveryenabled no")
    _start(stage, 2, f"{_SYSTEM}wevtutil.exe", "wevtutil.exe cl Security")
    _connect(stage, 4, _LOCKER, stage.elsewhere().address)
    _start(stage, 6, _LOCKER, "upd.exe -p C:\\Users -e", "upd.exe", sha256=unknown)
    _start(stage, 31, f"{_SYSTEM}notepad.exe", "notepad.exe C:\\Users\\Public\\READ-ME.txt", "upd.exe")


def _log_in(stage: Stage, where: Presence) -> None:
    snowflake.login(
        stage.scribe, stage.at, stage.person, where.address, client="JDBC_DRIVER", version=_DRIVER, decisive=True
    )  # fmt: skip


def tool_tried_out(stage: Stage) -> None:
    """On a trip, and nobody has used the tool before.

    An analyst finds that it was installed and started by the person on their own laptop at that address, that they signed in
    to the warehouse with the second factor on the managed computer, and that they ask there what they ask on other days.
    """
    scribe, branch, person, where = stage.scribe, stage.branch, stage.person, stage.where
    setup = f"\\Users\\{person.given}\\Downloads\\dbeaver-ce-24.2.3-x86_64-setup.exe"
    _start(stage, -34, setup, "dbeaver-ce-24.2.3-x86_64-setup.exe", "chrome.exe")
    _start(stage, -4, _TOOL, "dbeaver.exe", "explorer.exe")
    azure.sign_in(scribe, branch, stage.before(0.6), person, where, app=_SNOWFLAKE, decisive=True)
    _log_in(stage, where)
    _connect(stage, 0.5, _TOOL, scribe.company.elsewhere("warehouse front").address)
    steps = (
        ("SHOW TABLES", "SHOW"),
        ("DESCRIBE TABLE orders", "DESCRIBE"),
        ("SELECT region, SUM(amount) FROM orders GROUP BY 1", "SELECT"),
        ("SELECT COUNT(*) FROM visits WHERE day = CURRENT_DATE", "SELECT"),
    )
    for moment, (text, kind) in zip(pace(stage.dice, stage.after(2, 4), 4, 90, 400), steps, strict=True):
        snowflake.query(scribe, moment, person, text, kind, tag="DBeaver", decisive=True)


def tool_behind_laptop(stage: Stage) -> None:
    """The login comes through the person's laptop, from their usual address.

    An analyst finds that no such tool runs on the laptop; a program in a public folder, which talks to an address never seen,
    started a hidden browser there. The sign-in to the warehouse is on no managed computer, and whole customers are read page
    by page.
    """
    scribe, branch, person, where = stage.scribe, stage.branch, stage.person, stage.where
    _start(stage, -27, _TUNNEL, "tun.exe -s 0", "mshta.exe", sha256=stage.dice.hex(64))
    address = stage.elsewhere().address
    _connect(stage, -26, _TUNNEL, address)
    hidden = "chrome.exe --headless --remote-debugging-port=9222 --user-data-dir=C:\\Users\\Public\\Documents\\p"
    _start(stage, -4, _BROWSER, hidden, "tun.exe")
    azure.sign_in(
        scribe, branch, stage.before(0.6), person, where, app=_SNOWFLAKE, interactive=False, second_factor=False,
        known_device=False, decisive=True,
    )  # fmt: skip
    _log_in(stage, where)
    pages = [f"SELECT * FROM customers LIMIT 90000 OFFSET {90000 * number}" for number in range(_TAKEN)]  # noqa: S608 - never run
    for moment, text in zip(pace(stage.dice, stage.after(2, 4), _TAKEN, 20, 80), pages, strict=True):
        snowflake.query(scribe, moment, person, text, "SELECT", tag="DBeaver", decisive=True)
    _connect(stage, 19, _TUNNEL, address)


CASES = (
    Case(
        (
            part(
                "shadow-copies/renewed",
                "benign",
                "The software deployment started it, a new copy and a full backup follow, as on two colleagues' laptops.",
                copies_renewed,
                team="support",
                hours_ago=7,
            ),
            part(
                "shadow-copies/destroyed",
                "malicious",
                "An unknown program asks for administrators, the backup program is ended, repair and event log go, and "
                "no copy is made.",
                copies_destroyed,
                team="support",
                hours_ago=14,
            ),
        ),
        _copies_history,
    ),
    Case(
        (
            part(
                "database-tool/tried",
                "benign",
                "A first time, on a trip; installed on the own laptop, signed in with a second factor on the managed "
                "computer, and the questions of other days.",
                tool_tried_out,
                team="analytics",
                hours_ago=11,
                travels=True,
                subtle=True,
            ),
            part(
                "database-tool/tunnel",
                "malicious",
                "Usual address; no such tool on the laptop but a tunnel and a hidden browser, no managed computer, and "
                "customers page by page.",
                tool_behind_laptop,
                team="analytics",
                hours_ago=18,
                subtle=True,
            ),
        ),
    ),
)
