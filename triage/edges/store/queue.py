"""Who works on which alert: claims by lease. Each write of a worker is fenced by its claim; see `fence`."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, insert, select, update

from triage.domain.look import Growth
from triage.domain.selection import Selected
from triage.domain.verdict import Investigation
from triage.edges.store import briefs, cases, links, looks
from triage.edges.store.alerts import alert_of, locked
from triage.edges.store.columns import AT_ONCE, MOMENT, MOMENT_PLUS, NOW, dump, microseconds
from triage.edges.store.evidence_rows import without_rows
from triage.edges.store.fence import HOLDS, held
from triage.edges.store.tables import alerts, investigations, journal, leases
from triage.errors import NotFound
from triage.ports import Claim, State

# Statements are built once, because building one takes longer than the database needs to run it.


def _span(seconds: float) -> int:
    return microseconds(timedelta(seconds=seconds))


# ---- into the queue ----------------------------------------------------------------------------------------------

_LEASE_HOLDS = select(alerts.c.due_at > MOMENT).where(alerts.c.id == bindparam("the_id", type_=alerts.c.id.type))


_BY_HAND = Selected(reason="queued by hand")


def enqueue(connection: Connection, alert_id: str, *, now: datetime, fresh: bool) -> None:
    """Queue an alert again; raises NotFound.

    A running alert whose lease still holds is left to its worker, so that nothing is investigated twice at once. What
    failed while it took its leader's verdict does that again, unless it is to be investigated afresh.
    """
    row = locked(connection, alert_id)
    if row.state == State.IMPORTED:
        raise NotFound(f"alert {alert_id} is an imported record; `triage investigate {alert_id}` asks Panther for it")
    if row.state == State.RUNNING and connection.scalar(_LEASE_HOLDS, {"the_id": alert_id, "now": now}):
        return
    changes: dict[str, object] = {
        "worker": "",
        "attempts": 0,
        "deaths": 0,
        "error": "",
        "due_at": AT_ONCE,
        "queued_at": now,
    }
    changes |= {"look_at": None, "look_by": None}
    if row.leader and not fresh and row.state in {State.FAILED, State.RUNNING}:
        changes["state"] = State.LINKED
    else:
        changes |= {"state": State.QUEUED, "leader": ""}
        if row.leader or row.state == State.SKIPPED:
            changes["decision"] = dump(_BY_HAND)
        if fresh or row.leader:
            changes |= {"looks": 0, **links.next_run(alert_id, row.run_number, row.epoch)}
    connection.execute(update(alerts).where(alerts.c.id == alert_id).values(updated_at=now, **changes))


# ---- claims ------------------------------------------------------------------------------------------------------

_DUE = (
    select(
        alerts.c.id,
        alerts.c.alert,
        alerts.c.run_number,
        alerts.c.run_id,
        alerts.c.epoch,
        alerts.c.attempts,
        alerts.c.leader,
        alerts.c.looks,
        alerts.c.state,
        alerts.c.claimed_at,
        alerts.c.deaths,
        looks.LOOK_IS_DUE,
    )
    # The second condition implies the first, which is there so that the partial index is used.
    .where(alerts.c.due_at.is_not(None), alerts.c.due_at <= MOMENT)
    .order_by(alerts.c.severity_rank.desc(), alerts.c.leader, alerts.c.created_at, alerts.c.id)
    .limit(1)
)
_NEXT = _DUE.with_for_update(skip_locked=True, key_share=True)
# A brief lock on the row, such as that of a poll refreshing it, is not a worker's, so wait for it.
_THIS = _DUE.where(alerts.c.id == bindparam("the_id", type_=alerts.c.id.type)).with_for_update(key_share=True)

_TAKE = (
    update(alerts)
    .where(alerts.c.id == bindparam("the_id", type_=alerts.c.id.type))
    .values(
        state=State.RUNNING,
        epoch=bindparam("new_epoch"),
        attempts=bindparam("new_attempts"),
        deaths=bindparam("new_deaths"),
        worker=bindparam("new_worker"),
        due_at=MOMENT_PLUS,
        claimed_at=NOW,
        updated_at=NOW,
    )
)
_TAKE_TO_LOOK = _TAKE.values(looks.BEGUN)


def claim(
    connection: Connection, worker: str, *, now: datetime, lease_seconds: float, alert_id: str | None = None
) -> Claim | None:
    """Take the most severe, then oldest alert that is due, or whose lease has run out; linked ones come last."""
    if alert_id is None:
        row = connection.execute(_NEXT, {"now": now}).one_or_none()
    else:
        row = connection.execute(_THIS, {"now": now, "the_id": alert_id}).one_or_none()
    if row is None:
        return None
    begun = looks.begin(row) if row.look_is_due else {}
    # Who gives an alert back changes its state; only a process that ended leaves it running.
    died = row.state == State.RUNNING
    taken = Claim(
        alert=alert_of(row.alert),
        run_id=begun.get("new_run_id", row.run_id),
        epoch=row.epoch + 1,
        worker=worker,
        # A death says nothing about the alert: whoever ends the process may do so as often as they like.
        attempts=max(row.attempts, 1) if died else row.attempts + 1,
        leader=row.leader,
        look=begun.get("new_looks", row.looks),
        deaths=_deaths(connection, row, now) if died else 0,
    )
    connection.execute(
        _TAKE_TO_LOOK if begun else _TAKE,
        {
            **begun,
            "the_id": row.id,
            "new_epoch": taken.epoch,
            "new_attempts": taken.attempts,
            "new_deaths": taken.deaths,
            "new_worker": worker,
            "now": now,
            "plus": _span(lease_seconds),
        },
    )
    return taken


_PROGRESS = (
    select(journal.c.id)
    .where(
        journal.c.run_id == bindparam("the_run", type_=journal.c.run_id.type),
        journal.c.epoch == bindparam("the_epoch", type_=journal.c.epoch.type),
    )
    .limit(1)
)


def _deaths(connection: Connection, row: Row[*tuple[Any, ...]], now: datetime) -> int:
    """How many claims in a row have died without a new step, the last one included; each hour halves the earlier ones."""
    if connection.execute(_PROGRESS, {"the_run": row.run_id, "the_epoch": row.epoch}).first() is not None:
        return 0
    hours = max(int((now - row.claimed_at).total_seconds() // 3_600), 0) if row.claimed_at else 0
    return (int(row.deaths) >> min(hours, 30)) + 1


_PROLONG = update(alerts).where(HOLDS).values(due_at=MOMENT_PLUS)


def heartbeat(connection: Connection, claim: Claim, *, now: datetime, lease_seconds: float) -> bool:
    return connection.execute(_PROLONG, {**held(claim), "now": now, "plus": _span(lease_seconds)}).rowcount == 1


_FINISH = (
    update(alerts)
    .where(HOLDS)
    .values(
        state=State.DONE,
        worker="",
        queued_at=None,
        error="",
        verdict=bindparam("new_verdict"),
        confidence=bindparam("new_confidence"),
        seconds=bindparam("new_seconds"),
        leader="",
        ended_at=NOW,
        updated_at=NOW,
    )
)
_FINISHES = looks.finishing(_FINISH)
"""Done, but maybe due once more later: when the comment may be written, or to be looked at again."""


_NEWEST = (
    select(investigations.c.run_id, investigations.c.finished_at)
    .where(investigations.c.alert_id == bindparam("the_id", type_=investigations.c.alert_id.type))
    .order_by(investigations.c.id.desc())
    .limit(1)
)


def finish(
    connection: Connection,
    claim: Claim,
    investigation: Investigation,
    *,
    now: datetime,
    again_at: datetime | None = None,
    growth: Growth | None = None,
) -> bool:
    elapsed = (investigation.finished_at - investigation.started_at).total_seconds()
    values = {
        "new_verdict": investigation.verdict.disposition,
        "new_confidence": investigation.verdict.confidence,
        "new_seconds": investigation.usage.seconds or elapsed,
        "now": now,
    }
    look = looks.plan(connection, claim, investigation.look, now=now, growth=growth)
    statement = _FINISHES[again_at is not None, look is not None]
    if connection.execute(statement, held(claim) | values | looks.spans(again_at, look, now)).rowcount != 1:
        return False
    before = connection.execute(_NEWEST, {"the_id": claim.alert.id}).one_or_none()
    anew = before is None or (before.run_id, before.finished_at) != (claim.run_id, investigation.finished_at)
    connection.execute(
        insert(investigations),
        {
            "alert_id": claim.alert.id,
            "run_id": claim.run_id,
            "finished_at": investigation.finished_at,
            "investigation": dump(without_rows(connection, claim.run_id, investigation)),
        },
    )
    briefs.keep(connection, claim.alert.id, investigation)
    cases.replace_keys(connection, claim.alert.id, investigation.links)
    links.leader_is_done(connection, claim.alert.id, anew=anew, now=now)
    return True


_FINISH_LINKED = (
    update(alerts)
    .where(HOLDS, alerts.c.leader != "")
    .values(
        state=State.LINKED,
        worker="",
        due_at=None,
        queued_at=None,
        error="",
        attempts=0,
        verdict=bindparam("new_verdict"),
        confidence=bindparam("new_confidence"),
        ended_at=NOW,
        updated_at=NOW,
    )
)


def finish_linked(connection: Connection, claim: Claim, leader: Investigation, *, now: datetime) -> bool:
    """Give a linked alert the verdict of its leader, and let it be claimed again where that has a newer one."""
    links.hold_leaders(connection, [claim.leader])
    values = {"new_verdict": leader.verdict.disposition, "new_confidence": leader.verdict.confidence, "now": now}
    if connection.execute(_FINISH_LINKED, held(claim) | values).rowcount != 1:
        return False
    newest = connection.execute(_NEWEST, {"the_id": claim.leader}).one_or_none()
    if newest is not None and (newest.run_id, newest.finished_at) != (leader.run_id, leader.finished_at):
        links.due_again(connection, claim.alert.id, now=now)
    return True


_FAIL = (
    update(alerts)
    .where(HOLDS)
    .values(
        state=State.FAILED,
        worker="",
        due_at=None,
        queued_at=None,
        error=bindparam("new_error", type_=alerts.c.error.type),
        ended_at=NOW,
        updated_at=NOW,
    )
)
_WAITS = case((alerts.c.leader == "", State.QUEUED.value), else_=State.LINKED.value)
_REQUEUE = update(alerts).where(HOLDS).values(state=_WAITS, worker="", updated_at=NOW)
_RELEASE = _REQUEUE.values(due_at=AT_ONCE, attempts=alerts.c.attempts - 1)
_RETRY = _REQUEUE.values(error=bindparam("new_error", type_=alerts.c.error.type))


def give_back(
    connection: Connection,
    claim: Claim,
    *,
    now: datetime,
    error: str = "",
    retry_at: datetime | None = None,
    failed: bool = False,
    counted: bool = True,
) -> bool:
    """End a claim without a result. A release, which has no error, takes no attempt from the alert."""
    values = held(claim) | {"now": now}
    again = _RETRY if counted else _RETRY.values(attempts=alerts.c.attempts - 1)
    if failed:
        ended = connection.execute(_FAIL, values | {"new_error": error})
    elif not error and retry_at is None:
        ended = connection.execute(_RELEASE, values)
    elif retry_at is None:
        ended = connection.execute(again.values(due_at=AT_ONCE), values | {"new_error": error})
    else:
        # The caller's clock gives the length of the wait; the clock of claims decides when it is over.
        wait: dict[str, object] = {"plus": microseconds(retry_at - now)}
        if error:
            ended = connection.execute(again.values(due_at=MOMENT_PLUS), values | wait | {"new_error": error})
        else:
            ended = connection.execute(_RELEASE.values(due_at=MOMENT_PLUS), values | wait)
    return ended.rowcount == 1


# ---- processes that have ended --------------------------------------------------------------------------------------

_WORKERS = select(alerts.c.worker).where(alerts.c.state == State.RUNNING, alerts.c.due_at > MOMENT).distinct()
_HOLDERS = select(leases.c.holder).where(leases.c.lease_until > MOMENT).distinct()


def ended_holders(connection: Connection, has_ended: Callable[[str], bool], *, now: datetime) -> list[str]:
    """The names of holders of a claim or lease whose process has ended."""
    names = {name for query in (_WORKERS, _HOLDERS) for name in connection.scalars(query, {"now": now})}
    return sorted(name for name in names if has_ended(name))


def release_ended(connection: Connection, has_ended: Callable[[str], bool], *, now: datetime) -> int:
    """Expire the claims and leases of ended processes now; returns how many."""
    gone = ended_holders(connection, has_ended, now=now)
    if not gone:
        return 0
    claims = update(alerts).where(alerts.c.state == State.RUNNING, alerts.c.worker.in_(gone)).values(due_at=AT_ONCE)
    freed = connection.execute(claims).rowcount
    return freed + connection.execute(leases.delete().where(leases.c.holder.in_(gone))).rowcount
