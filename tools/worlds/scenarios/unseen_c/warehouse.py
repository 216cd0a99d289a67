"""Snowflake's highest role, and programs on laptops whose memory is written to a file."""

from datetime import datetime

from tools.worlds.cast import Cast
from tools.worlds.company import Person
from tools.worlds.lake import Scribe
from tools.worlds.records import azure, endpoint, snowflake
from tools.worlds.records.aws import pace
from tools.worlds.scenarios.stage import Stage, part, past
from tools.worlds.scenarios.unseen.case import Case

_ADMIN, _SECURITY = "ACCOUNTADMIN", "SECURITYADMIN"
_NO_FACTOR = 500121
_CMD = "cmd.exe"
_PROCDUMP = "\\Users\\Public\\tools\\procdump64.exe"
_CURL = "\\Windows\\System32\\curl.exe"
_SYNC = "\\Program Files\\ShopSync\\shopsync.exe"
_LSASS = "\\Windows\\System32\\lsass.exe"


def _grant(stage: Stage, user: Person) -> None:
    text = f"GRANT ROLE {_ADMIN} TO USER {snowflake.user_name(user)}"
    snowflake.query(stage.scribe, stage.at, stage.person, text, "GRANT", role=_SECURITY, decisive=True)


def _hand_over(stage: Stage, user: Person) -> None:
    """The role is given for a piece of work, and taken back within the hour."""
    scribe = stage.scribe
    snowflake.login(scribe, stage.before(9), stage.person, stage.where.address, decisive=True)
    _grant(stage, user)
    where = stage.branch.presence(user, stage.at)
    snowflake.login(scribe, stage.after(4, 6), user, where.address, decisive=True)
    steps = (
        ("SHOW WAREHOUSES", "SHOW"),
        ("ALTER WAREHOUSE SHOP_WH SET WAREHOUSE_SIZE = 'LARGE'", "ALTER"),
        ("SHOW RESOURCE MONITORS", "SHOW"),
    )
    for moment, (text, kind) in zip(pace(stage.dice, stage.after(8, 10), 3, 60, 300), steps, strict=True):
        snowflake.query(scribe, moment, user, text, kind, role=_ADMIN, decisive=True)
    text = f"REVOKE ROLE {_ADMIN} FROM USER {snowflake.user_name(user)}"
    snowflake.query(scribe, stage.after(44, 52), stage.person, text, "REVOKE", role=_SECURITY, decisive=True)


def _role_history(scribe: Scribe, cast: Cast) -> None:
    team = cast.branch.colleagues["analytics"]
    for giver, taker, days_ago in ((0, 1, 23), (2, 2, 16), (1, 3, 8)):
        _hand_over(past(scribe.aside("role", days_ago), cast, team[giver], days_ago), team[taker])


def role_handed_over(stage: Stage) -> None:
    """To oneself, as a colleague did, for the same work; taken back."""
    _hand_over(stage, stage.person)


def role_seized(stage: Stage) -> None:
    """At the usual desk; customers are shared with an account that no log names, for half an hour; the role stays."""
    scribe, person = stage.scribe, stage.person
    snowflake.login(scribe, stage.before(9), person, stage.where.address, decisive=True)
    _grant(stage, person)
    steps = (
        ("SELECT COUNT(*) FROM customers", "SELECT"),
        ("CREATE SHARE SHOP_TMP", "CREATE"),
        ("GRANT SELECT ON TABLE SHOP.PUBLIC.CUSTOMERS TO SHARE SHOP_TMP", "GRANT"),
        (f"ALTER SHARE SHOP_TMP ADD ACCOUNTS = {stage.dice.base32(2)}{stage.dice.digits(5)}", "ALTER"),
    )
    for moment, (text, kind) in zip(pace(stage.dice, stage.after(8, 10), 4, 60, 300), steps, strict=True):
        snowflake.query(scribe, moment, person, text, kind, role=_ADMIN, decisive=True)
    snowflake.query(
        scribe, stage.after(58, 66), person, "DROP SHARE SHOP_TMP", "DROP", role=_ADMIN, decisive=True
    )  # fmt: skip


def _dump(stage: Stage, program: str) -> str:
    """The memory of one of two programs is written to a file, by its number; the answer is the file."""
    scribe, branch, person, dice = stage.scribe, stage.branch, stage.person, stage.dice
    lsass, sync = str(dice.between(700, 990)), str(dice.between(4000, 9900))
    endpoint.process(
        scribe, branch, stage.before(96), person, _LSASS, "C:\\WINDOWS\\system32\\lsass.exe", parent="wininit.exe",
        pid=lsass, as_system=True, decisive=True,
    )  # fmt: skip
    endpoint.process(
        scribe, branch, stage.before(58), person, _SYNC, "shopsync.exe --tray", pid=sync, decisive=True
    )  # fmt: skip
    file = f"C:\\dumps\\{dice.hex(6)}.dmp"
    command = f"procdump64.exe -accepteula -ma {lsass if program == _LSASS else sync} {file}"
    endpoint.process(scribe, branch, stage.at, person, _PROCDUMP, command, parent=_CMD, decisive=True)
    return file


def _dump_sync(stage: Stage) -> None:
    """The program for stock hangs; what it has in memory goes to the company's storage."""
    scribe, branch, person, company = stage.scribe, stage.branch, stage.person, stage.scribe.company
    command = f"curl.exe -T {_dump(stage, _SYNC)} https://dumps.{company.org}.example/"
    endpoint.process(scribe, branch, stage.after(3, 4), person, _CURL, command, parent=_CMD, decisive=True)
    endpoint.connect(scribe, branch, stage.after(4.1, 5), person, _CURL, company.storage, decisive=True)
    endpoint.process(scribe, branch, stage.after(8, 11), person, _SYNC, "shopsync.exe --tray", decisive=True)


def _dump_history(scribe: Scribe, cast: Cast) -> None:
    for index, days_ago in ((0, 19), (2, 13), (3, 5)):
        _dump_sync(past(scribe.aside("dump"), cast, cast.branch.colleagues["support"][index], days_ago))


def dumped_program(stage: Stage) -> None:
    """As on laptops of colleagues."""
    _dump_sync(stage)


def dumped_passwords(stage: Stage) -> None:
    """The number is that of the process that holds passwords; they are read out, and a colleague's is used."""
    scribe, branch, person = stage.scribe, stage.branch, stage.person
    colleague = branch.colleagues["support"][1]

    def run(at: datetime, program: str, command: str) -> None:
        endpoint.process(scribe, branch, at, person, program, command, parent=_CMD, decisive=True)

    system = "\\Windows\\System32\\"
    run(stage.before(11), f"{system}whoami.exe", "whoami.exe /priv")
    file = _dump(stage, _LSASS)
    run(stage.after(3, 4), "\\Users\\Public\\tools\\pypykatz.exe", f"pypykatz.exe lsa minidump {file}")
    run(stage.after(9, 10), f"{system}runas.exe", f"runas.exe /netonly /user:{colleague.user} cmd.exe")
    for moment, (app, error) in zip(
        pace(stage.dice, stage.after(12, 14), 3, 40, 120),
        ((azure.PORTAL, _NO_FACTOR), (azure.PORTAL, _NO_FACTOR), (azure.OFFICE, 0)),
        strict=True,
    ):
        azure.sign_in(
            scribe, branch, moment, colleague, stage.where, app=app, error=error, second_factor=bool(error),
            known_device=False, decisive=True,
        )  # fmt: skip


CASES = (
    Case(
        (
            part(
                "account-admin/handed-over",
                "benign",
                "A size is changed with the role, which is taken back within the hour, as by colleagues.",
                role_handed_over,
                team="analytics",
                hours_ago=12,
            ),
            part(
                "account-admin/seized",
                "malicious",
                "Usual address; customers are shared with an account that no log names, the share is dropped after half an "
                "hour, and the role stays.",
                role_seized,
                team="analytics",
                hours_ago=5,
                subtle=True,
                fair=("suspicious",),
            ),
        ),
        _role_history,
    ),
    Case(
        (
            part(
                "dump/program",
                "benign",
                "The number is that of the program for stock; the file goes to the company's storage, as colleagues' do.",
                dumped_program,
                team="support",
                hours_ago=16,
            ),
            part(
                "dump/passwords",
                "malicious",
                "The number is that of lsass.exe; passwords are read from the file, and a colleague's is tried and used from "
                "the same address on no known device.",
                dumped_passwords,
                team="support",
                hours_ago=11,
            ),
        ),
        _dump_history,
    ),
)
