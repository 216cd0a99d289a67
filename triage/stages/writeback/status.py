"""Status and assignee by policy: once, never against a person, and never repeated where the outcome is unknown."""

from collections.abc import Set

from triage.domain.alert import Alert, Status
from triage.domain.reply import Reply
from triage.domain.report import digest
from triage.domain.verdict import Verdict
from triage.ports import AlertSource, Clock, Comments, Receipt, RunJournal, Values
from triage.settings import WritebackSettings
from triage.stages.writeback.effect import Effect, EffectSender, in_step
from triage.stages.writeback.outcome import Timing
from triage.stages.writeback.policy import AlertAtStart, changed_by_person, waits, wanted_status


class StatusUpdater:
    """Sets status and assignee by policy. Every method returns a sentence for the reader, empty if nothing was to do."""

    def __init__(
        self,
        comments: Comments,
        alerts: AlertSource,
        values: Values,
        settings: WritebackSettings,
        clock: Clock,
        timing: Timing = Timing(),  # noqa: B008 - frozen
    ) -> None:
        self._comments = comments
        self._alerts = alerts
        self._values = values
        self._settings = settings
        self._sender = EffectSender(alerts, values, clock, timing)

    async def update(
        self, alert: Alert, verdict: Verdict, *, at_start: AlertAtStart, run_id: str, journal: RunJournal
    ) -> tuple[str, ...]:
        """Set status and assignee where policy allows it and no person has changed the alert in the meantime.

        Args:
            alert: Its severity counts.
            verdict: The final one.
            at_start: Status and assignee when the investigation began.
            run_id: The run that it belongs to; each may change the alert once.
            journal: Keeps what was done, so that a restarted run does nothing twice.

        Raises PantherError where Panther cannot be read.
        """
        done = []
        wanted = wanted_status(alert, verdict, self._settings, ended_by_us=at_start.ended_by_us)
        if wanted is not None and wanted.status is None:
            done.append(f"status unchanged: {wanted.reason}")
        elif wanted is not None and wanted.status is not None:
            status = wanted.status
            done.append(
                await in_step(
                    journal, f"status/{status.value}", lambda: self._status(alert.id, at_start, status, run_id)
                )
            )
        email = self._settings.assignee_for(verdict.disposition)
        if email and not waits(verdict):
            done.append(await in_step(journal, "assign", lambda: self._assign(alert.id, email, run_id)))
        return tuple(line for line in done if line)

    async def follow(
        self,
        alert: Alert,
        verdict: Verdict,
        reply: Reply,
        wanted: Status,
        *,
        at_start: AlertAtStart,
        journal: RunJournal,
    ) -> str:
        """Set the status that an answer asks for, where nobody has set another one since the investigation began.

        Args:
            alert: As it is now.
            verdict: Policy may have set a status by it.
            reply: The answer; each changes the alert once.
            wanted: The status.
            at_start: Status when the investigation began.
            journal: Keeps what was done.

        Raises PantherError where Panther cannot be read.
        """
        by_policy = wanted_status(alert, verdict, self._settings, ended_by_us=at_start.ended_by_us)
        known = {at_start.status.value, by_policy.status.value if by_policy and by_policy.status else ""}
        return await in_step(
            journal, f"reply/{reply.comment_id}", lambda: self._as_answered(alert.id, reply, wanted, known)
        )

    async def _as_answered(self, alert_id: str, reply: Reply, wanted: Status, known: Set[str]) -> str:
        current = await self._alerts.alert(alert_id)
        if current.status.value == wanted.value:
            return f"status was already {wanted.value}"
        key = f"status:{alert_id}:{reply.comment_id}"
        if current.status.value not in known:
            return f"status unchanged: it was set to {current.status.value} before the answer was read"
        kept, done = await self._values.receipt(key), f"status set to {wanted.value}, as {reply.by} has answered"
        if kept is not None and (kept.state == "done" or _changed_since(kept, current)):
            # What people have changed since then stays.
            return done
        # An answer must not be lost: what a process that ended had sent, without any effect, is sent again.
        return await self._sender.send(
            Effect(
                key=key,
                alert_id=alert_id,
                done=done,
                attempt=f"set the status to {wanted.value}",
                act=lambda: self._comments.set_status(alert_id, wanted),
                took_effect=lambda alert: alert.status.value == wanted.value,
                sent=digest(key),
            )
        )

    async def _status(self, alert_id: str, at_start: AlertAtStart, wanted: Status, run_id: str) -> str:
        current = await self._alerts.alert(alert_id)
        if current.status.value == wanted.value:
            return f"status was already {wanted.value}"
        if changed := changed_by_person(at_start, current):
            return f"status unchanged: {changed}"
        key = f"status:{alert_id}:{run_id}"
        return await self._sender.once(
            Effect(
                key=key,
                alert_id=alert_id,
                done=f"status set to {wanted.value}",
                attempt=f"set the status to {wanted.value}",
                act=lambda: self._comments.set_status(alert_id, wanted),
                took_effect=lambda alert: alert.status.value == wanted.value,
                sent=digest(key),
            )
        )

    async def _assign(self, alert_id: str, email: str, run_id: str) -> str:
        current = await self._alerts.alert(alert_id)
        if current.assignee is not None:
            return "" if current.assignee.email == email else "assignee unchanged: the alert is already assigned"
        key = f"assign:{alert_id}:{run_id}"
        return await self._sender.once(
            Effect(
                key=key,
                alert_id=alert_id,
                done=f"assigned to {email}",
                attempt=f"assign the alert to {email}",
                act=lambda: self._comments.assign(alert_id, email),
                took_effect=lambda alert: alert.assignee is not None,
                sent=digest(key),
            )
        )


def _changed_since(kept: Receipt, current: Alert) -> bool:
    """Whether a person has changed the alert since a request was sent."""
    by, at = current.updated_by, current.updated_at
    return by is not None and by.kind == "user" and at is not None and kept.at is not None and at > kept.at
