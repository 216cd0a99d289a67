"""Status and assignee by policy: once, never against a person, and never repeated where the outcome is unknown."""

from collections.abc import Awaitable, Callable
from typing import Literal

from pydantic import JsonValue

from triage.domain.alert import Alert, Status
from triage.domain.report import digest
from triage.domain.verdict import Verdict
from triage.errors import NotFound, PantherError
from triage.ports import AlertSource, Clock, Comments, Journal, Receipt, Store
from triage.settings import WritebackSettings
from triage.stages.writeback.policy import Seen, changed_by_person, wanted_status
from triage.stages.writeback.timing import DEFAULT, Timing


class Mover:
    """Sets what the policy says. Every method gives a sentence for the reader, empty where there was nothing to do."""

    def __init__(
        self,
        comments: Comments,
        alerts: AlertSource,
        store: Store,
        settings: WritebackSettings,
        clock: Clock,
        timing: Timing = DEFAULT,
    ) -> None:
        self._comments = comments
        self._alerts = alerts
        self._store = store
        self._settings = settings
        self._clock = clock
        self._timing = timing

    async def move(
        self, alert: Alert, verdict: Verdict, *, seen: Seen, run_id: str, journal: Journal
    ) -> tuple[str, ...]:
        """Set status and assignee where policy, and what people did meanwhile, allow it.

        Args:
            alert: Whose severity counts.
            verdict: The final one.
            seen: How people had left the alert when its investigation began.
            run_id: The run that it belongs to; each may move the alert once.
            journal: Keeps what was done, so that a restarted run does nothing twice.

        Raises PantherError where Panther cannot be read.
        """
        said = []
        wanted = wanted_status(alert, verdict, self._settings)
        if wanted is not None and wanted.status is None:
            said.append(f"status left as it is: {wanted.against}")
        elif wanted is not None and wanted.status is not None:
            status = wanted.status
            said.append(
                await self._step(
                    journal, f"status/{status.value}", lambda: self._status(alert.id, seen, status, run_id)
                )
            )
        email = self._settings.assignee_for(verdict.disposition)
        if email:
            said.append(await self._step(journal, "assign", lambda: self._assign(alert.id, email, run_id)))
        return tuple(line for line in said if line)

    async def _step(self, journal: Journal, key: str, perform: Callable[[], Awaitable[str]]) -> str:
        async def step() -> JsonValue:
            return await perform()

        return str(await journal.step(key, "move", step))

    async def _status(self, alert_id: str, seen: Seen, wanted: Status, run_id: str) -> str:
        current = await self._alerts.alert(alert_id)
        if current.status.value == wanted.value:
            return f"status is {wanted.value}"
        if changed := changed_by_person(seen, current):
            return f"status left as it is: {changed}"
        return await self._once(
            f"status:{alert_id}:{run_id}",
            f"status set to {wanted.value}",
            lambda: self._comments.set_status(alert_id, wanted),
            lambda alert: alert.status.value == wanted.value,
            alert_id,
        )

    async def _assign(self, alert_id: str, email: str, run_id: str) -> str:
        current = await self._alerts.alert(alert_id)
        if current.assignee is not None:
            return "" if current.assignee.email == email else "assignee left as it is: somebody has the alert"
        return await self._once(
            f"assign:{alert_id}:{run_id}",
            f"assigned to {email}",
            lambda: self._comments.assign(alert_id, email),
            lambda alert: alert.assignee is not None,
            alert_id,
        )

    async def _once(
        self,
        key: str,
        done: str,
        act: Callable[[], Awaitable[None]],
        seen_done: Callable[[Alert], bool],
        alert_id: str,
    ) -> str:
        """Intent, act, receipt; where the answer is lost, look instead of acting again."""
        kept = await self._store.receipt(key)
        if kept is not None and kept.state == "done":
            # A kill kept the journal from hearing of it; what people did since stays.
            return done
        if kept is not None and kept.state in ("sent", "unknown"):
            return f"{done}, perhaps: it was sent earlier and its answer was lost; not sent again"
        await self._save(key, "sent")
        try:
            await act()
        except PantherError as error:
            if not error.outcome_unknown:
                await self._save(key, "intended")
                if error.retryable:
                    raise
                return f"not {done}: {error}"
            if not await self._took_effect(alert_id, seen_done):
                await self._save(key, "unknown")
                return f"{done}, perhaps: {error}"
        except NotFound as error:
            await self._save(key, "intended")
            return f"not {done}: {error}"
        await self._save(key, "done")
        return done

    async def _took_effect(self, alert_id: str, seen_done: Callable[[Alert], bool]) -> bool:
        for pause in self._timing.reads:
            await self._clock.sleep(pause)
            try:
                if seen_done(await self._alerts.alert(alert_id)):
                    return True
            except (PantherError, NotFound):
                continue
        return False

    async def _save(self, key: str, state: Literal["intended", "sent", "done", "unknown"]) -> None:
        now = self._clock.now()
        await self._store.save_receipt(Receipt(key, state, digest=digest(key), at=now), now=now)
