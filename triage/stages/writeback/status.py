"""Status and assignee by policy: once, never against a person, and never repeated where the outcome is unknown."""

from triage.domain.alert import Alert, Status
from triage.domain.report import digest
from triage.domain.verdict import Verdict
from triage.ports import AlertSource, Clock, Comments, RunJournal, Values
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
