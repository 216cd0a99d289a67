"""Applications that act for people: let into a mailbox, or given a credential of their own."""

from tools.worlds.company import Person
from tools.worlds.lake import Scribe
from tools.worlds.records import azure, gsuite, okta
from tools.worlds.records.aws import pace
from tools.worlds.scenarios.scenario import earlier
from tools.worlds.scenarios.stage import Stage, part
from tools.worlds.scenarios.unseen.case import Case, today

from .players import staff

_MAIL = (
    "https://mail.google.com/",
    "https://www.googleapis.com/auth/calendar.readonly",
    "https://www.googleapis.com/auth/userinfo.email",
)
_READ = "gmail.users.messages.get"
_SYNC = "Expense sync"


def _application(scribe: Scribe, name: str) -> gsuite.App:
    dice = scribe.company.dice.child("application", name)
    return gsuite.App(name, f"{dice.digits(12)}-{dice.hex(32)}.apps.googleusercontent.example")


def _let_in(stage: Stage, app: gsuite.App) -> gsuite.Account:
    account = gsuite.account(stage.person, today(stage).presence)
    gsuite.authorize(stage.scribe, stage.at, account, app, _MAIL, decisive=True)
    return account


def _try_out(stage: Stage, helper: Person, app: gsuite.App, address: str) -> None:
    """Days before, an administrator trusts the application for everybody, and uses it."""
    at = earlier(stage.scribe, helper, 5)
    account = gsuite.account(helper, stage.branch.presence(helper, at))
    gsuite.trust_app(stage.scribe, at, account, app, decisive=True)
    gsuite.authorize(stage.scribe, at + stage.dice.minutes(1, 3), account, app, _MAIL, decisive=True)
    for moment, method in zip(
        pace(stage.dice, at, 3, 200, 900),
        ("calendar.events.list", "gmail.users.messages.list", _READ),
        strict=True,
    ):
        gsuite.app_call(stage.scribe, moment, account, app, address, method, decisive=True)


def mail_for_customers(stage: Stage) -> None:
    """The first mailbox but the administrator's that this application is let into.

    An analyst finds that an administrator put it on the list of trusted applications five days before and has used it
    since, that it calls from the same address for both, a little at a time, and that the person opens it through Okta.
    """
    scribe, day = stage.scribe, today(stage)
    app, address = _application(scribe, "Loopdesk Sync"), stage.elsewhere().address
    _try_out(stage, scribe.company.team("it")[1], app, address)
    okta.open_app(scribe, stage.before(3), stage.person, day.client, "Loopdesk", decisive=True)
    account = _let_in(stage, app)
    methods = ("calendar.events.list", "gmail.users.messages.list", _READ, "calendar.events.list")
    for moment, method in zip(pace(stage.dice, stage.after(2, 4), len(methods), 200, 900), methods, strict=True):
        gsuite.app_call(scribe, moment, account, app, address, method, decisive=True)
    okta.open_app(scribe, stage.after(34, 44), stage.person, day.client, "Loopdesk", decisive=True)


def mail_for_thief(stage: Stage) -> None:
    """The person clicked through a page that a mail led to.

    An analyst finds that no administrator trusts the application and nobody else uses it, that within minutes it reads
    many mails, makes a filter that hides answers, and sends mail in the person's name, from an address never seen.
    """
    scribe, where = stage.scribe, stage.elsewhere().address
    app = _application(scribe, "Briefmark Notes")
    account = _let_in(stage, app)
    methods = (
        "gmail.users.messages.list", *[_READ] * 9, "gmail.users.settings.filters.create", "gmail.users.messages.send",
        "gmail.users.messages.send", "gmail.users.messages.send",
    )  # fmt: skip
    for moment, method in zip(pace(stage.dice, stage.after(1, 2), len(methods), 3, 40), methods, strict=True):
        gsuite.app_call(scribe, moment, account, app, where, method, decisive=True)


def _add_key(stage: Stage, at_work: bool) -> None:
    """A credential is added to the application; where somebody is not at work, the answer is theirs to give."""
    where = stage.where if at_work else stage.elsewhere()
    azure.sign_in(
        stage.scribe, stage.branch, stage.before(13), stage.person, where, app=azure.PORTAL, second_factor=at_work,
        interactive=at_work, known_device=at_work, decisive=True,
    )  # fmt: skip
    name = f"sync-{stage.dice.hex(4)}"
    changes = {"KeyDescription": f"[KeyType=Password,KeyUsage=Verify,DisplayName={name}]"}
    azure.directory(
        stage.scribe, stage.branch, stage.at, stage.person, where, "Add service principal credentials",
        ("ServicePrincipal", _SYNC), changes=changes, decisive=True,
    )  # fmt: skip
    if at_work:
        return
    azure.directory(
        stage.scribe, stage.branch, stage.after(3, 5), stage.person, where,
        "Add app role assignment to service principal", ("ServicePrincipal", _SYNC),
        changes={"AppRole.Value": "Mail.Read"}, decisive=True,
    )  # fmt: skip


def key_renewed(stage: Stage) -> None:
    """On a trip; nobody renewed it within the weeks that the logs hold.

    An analyst finds a sign-in to the portal from the hotel with the second factor on the managed computer, that the
    application signs in at its usual address and nowhere else, and that the older credential is removed.
    """
    scribe, branch = stage.scribe, stage.branch
    _add_key(stage, at_work=True)
    azure.app_sign_in(scribe, branch, stage.after(11, 15), _SYNC, branch.builds.address, decisive=True)
    azure.directory(
        scribe, branch, stage.after(22, 27), stage.person, stage.where, "Remove service principal credentials",
        ("ServicePrincipal", _SYNC), decisive=True,
    )  # fmt: skip
    azure.app_sign_in(scribe, branch, stage.after(33, 39), _SYNC, branch.builds.address, decisive=True)


def key_of_thief(stage: Stage) -> None:
    """A session of the person was carried off.

    An analyst finds a sign-in without second factor on a computer that is not managed, while the person works at the usual
    address; the application gets the right to read mail, the older credential stays, and the application signs in from
    an address where it never ran.
    """
    scribe, branch = stage.scribe, stage.branch
    _add_key(stage, at_work=False)
    for moment in (stage.before(5), stage.after(16, 20)):
        azure.sign_in(
            scribe, branch, moment, stage.person, stage.where, app="Microsoft Teams", interactive=False, decisive=True
        )  # fmt: skip
    address = stage.elsewhere().address
    for moment in pace(stage.dice, stage.after(8, 11), 3, 200, 600):
        azure.app_sign_in(scribe, branch, moment, _SYNC, address, decisive=True)


CASES = (
    Case(
        (
            staff(
                "mailbox-app/customers",
                "benign",
                "An administrator trusted the application days before and uses it; it calls a little, from one address.",
                mail_for_customers,
                team="sales",
                index=1,
                subtle=True,
            ),
            staff(
                "mailbox-app/notes",
                "malicious",
                "Nobody trusts the application; within minutes it reads many mails, makes a filter, and sends in the "
                "person's name.",
                mail_for_thief,
                team="sales",
                index=0,
            ),
        ),
    ),
    Case(
        (
            part(
                "app-key/renewed",
                "benign",
                "Signed in from the hotel with a second factor on the managed computer; the older credential is removed "
                "and the application stays where it was.",
                key_renewed,
                team="cloud",
                hours_ago=15,
                travels=True,
            ),
            part(
                "app-key/second",
                "malicious",
                "A sign-in without second factor on no managed computer, while the person works elsewhere; a right to "
                "mail, and the application at a new address.",
                key_of_thief,
                team="cloud",
                hours_ago=8,
            ),
        ),
    ),
)
