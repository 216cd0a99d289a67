"""Status and assignee by policy: once, never against a person, and never repeated where the outcome is unknown."""

from collections.abc import Awaitable, Callable
from typing import Literal

from pydantic import JsonValue

from triage.domain.alert import Alert, Status
from triage.domain.report import digest
from triage.domain.verdict import Verdict
from triage.errors import NotFound, PantherError
from triage.ports import AlertSource, Clock, Comments, Receipt, RunJournal, Values
from triage.settings import WritebackSettings
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
        self._clock = clock
        self._timing = timing

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
                await self._step(
                    journal, f"status/{status.value}", lambda: self._status(alert.id, at_start, status, run_id)
                )
            )
        email = self._settings.assignee_for(verdict.disposition)
        if email and not waits(verdict):
            done.append(await self._step(journal, "assign", lambda: self._assign(alert.id, email, run_id)))
        return tuple(line for line in done if line)

    async def _step(self, journal: RunJournal, key: str, perform: Callable[[], Awaitable[str]]) -> str:
        async def step() -> JsonValue:
            return await perform()

        return str(await journal.step(key, "move", step))

    async def _status(self, alert_id: str, at_start: AlertAtStart, wanted: Status, run_id: str) -> str:
        current = await self._alerts.alert(alert_id)
        if current.status.value == wanted.value:
            return f"status was already {wanted.value}"
        if changed := changed_by_person(at_start, current):
            return f"status unchanged: {changed}"
        return await self._once(
            f"status:{alert_id}:{run_id}",
            f"status set to {wanted.value}",
            f"set the status to {wanted.value}",
            lambda: self._comments.set_status(alert_id, wanted),
            lambda alert: alert.status.value == wanted.value,
            alert_id,
        )

    async def _assign(self, alert_id: str, email: str, run_id: str) -> str:
        current = await self._alerts.alert(alert_id)
        if current.assignee is not None:
            return "" if current.assignee.email == email else "assignee unchanged: the alert is already assigned"
        return await self._once(
            f"assign:{alert_id}:{run_id}",
            f"assigned to {email}",
            f"assign the alert to {email}",
            lambda: self._comments.assign(alert_id, email),
            lambda alert: alert.assignee is not None,
            alert_id,
        )

    async def _once(
        self,
        key: str,
        done: str,
        attempt: str,
        act: Callable[[], Awaitable[None]],
        took_effect: Callable[[Alert], bool],
        alert_id: str,
    ) -> str:
        """Intent, act, receipt; where the answer is lost, look instead of acting again."""
        kept = await self._values.receipt(key)
        if kept is not None and kept.state == "done":
            # A kill came before the journal entry; what people have changed since then stays.
            return done
        if kept is not None and kept.state in ("sent", "unknown"):
            return f"{done} (unconfirmed): it was sent earlier and its answer was lost; not sent again"
        await self._save(key, "sent")
        try:
            await act()
        except PantherError as error:
            if not error.outcome_unknown:
                await self._save(key, "intended")
                if error.retryable:
                    raise
                return f"could not {attempt}: {error}"
            if not await self._took_effect(alert_id, took_effect):
                await self._save(key, "unknown")
                return f"{done} (unconfirmed): {error}"
        except NotFound as error:
            await self._save(key, "intended")
            return f"could not {attempt}: {error}"
        await self._save(key, "done")
        return done

    async def _took_effect(self, alert_id: str, took_effect: Callable[[Alert], bool]) -> bool:
        for pause in self._timing.reads:
            await self._clock.sleep(pause)
            try:
                if took_effect(await self._alerts.alert(alert_id)):
                    return True
            except (PantherError, NotFound):
                continue
        return False

    async def _save(self, key: str, state: Literal["intended", "sent", "done", "unknown"]) -> None:
        now = self._clock.now()
        await self._values.save_receipt(Receipt(key, state, digest=digest(key), at=now), now=now)
