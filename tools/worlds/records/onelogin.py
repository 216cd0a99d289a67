"""OneLogin.Events records."""

from datetime import datetime

from tools.worlds.company import Person
from tools.worlds.dice import Dice
from tools.worlds.lake import Indicators, LogType, Record, Scribe
from tools.worlds.worktime import stamp

ASSUMED, SIGNED_IN, REFUSED, OPENED_APP, PASSWORD_CHANGED = "3", "5", "6", "8", "11"
"""Numbers of event types."""


def number(person: Person) -> int:
    """A person's number."""
    return int(Dice("onelogin", person.email).digits(8))


def event(
    scribe: Scribe,
    at: datetime,
    kind: str,
    actor: Person,
    address: str,
    *,
    user: Person | None = None,
    app: str = "",
    decisive: bool = False,
) -> None:
    """One event; `user` is whom it is about, where that is not the actor."""
    about = user or actor
    record: Record = {
        "event_type_id": kind,
        "uuid": scribe.ids.uuid(),
        "event_timestamp": stamp(at),
        "account_id": 40817,
        "actor_user_id": number(actor),
        "actor_user_name": actor.name,
        "user_id": number(about),
        "user_name": about.name,
        "ipaddr": address,
    }
    if app:
        record |= {"app_id": int(Dice("onelogin app", app).digits(6)), "app_name": app}
    found = Indicators(
        ips=[address],
        usernames=[each.user for each in (actor, about)],
        emails=[each.email for each in (actor, about)],
        actors=[str(number(actor))],
    )
    scribe.write(LogType.ONELOGIN, at, record, found, decisive=decisive)
