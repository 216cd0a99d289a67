"""One change of an alert, sent once: where the answer is lost, it is looked for and not sent again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from triage.domain.alert import Alert
from triage.errors import NotFound, PantherError
from triage.ports import AlertSource, Clock, Receipt, RunJournal, Values
from triage.stages.writeback.outcome import Timing


@dataclass(frozen=True, slots=True)
class Effect:
    """A change and how to see that it is there."""

    key: str
    """Of its receipt."""
    alert_id: str
    done: str
    """For the reader, such as "status set to RESOLVED"."""
    attempt: str
    """After "could not", such as "set the status to RESOLVED"."""
    act: Callable[[], Awaitable[None]]
    took_effect: Callable[[Alert], bool]
    sent: str
    """The receipt's digest from before the request on."""
    settled: str | None = None
    """The receipt's digest once it is done; `None`: the same."""
    before: Receipt | None = None
    """What the receipt was, to which a refusal returns."""


class EffectSender:
    """Intent, act, receipt."""

    def __init__(self, alerts: AlertSource, values: Values, clock: Clock, timing: Timing) -> None:
        self._alerts = alerts
        self._values = values
        self._clock = clock
        self._timing = timing

    async def once(self, effect: Effect) -> str:
        """Send it, unless it was sent before; gives a sentence for the reader. Raises PantherError that may pass."""
        kept = await self._values.receipt(effect.key)
        if kept is not None and kept.state == "done":
            # A kill came before the journal entry; what people have changed since then stays.
            return effect.done
        if kept is not None and kept.state in ("sent", "unknown"):
            return unconfirmed(effect.done)
        return await self.send(effect)

    async def send(self, effect: Effect) -> str:
        """Send it, whatever was sent before; else as `once`."""
        settled = effect.sent if effect.settled is None else effect.settled
        await self._save(effect.key, "sent", effect.sent)
        try:
            await effect.act()
        except PantherError as error:
            if not error.outcome_unknown:
                await self._undo(effect)
                if error.retryable:
                    raise
                return f"could not {effect.attempt}: {error}"
            if not await self._took_effect(effect):
                await self._save(effect.key, "unknown", effect.sent)
                return f"{effect.done} (unconfirmed): {error}"
        except NotFound as error:
            await self._undo(effect)
            return f"could not {effect.attempt}: {error}"
        await self._save(effect.key, "done", settled)
        return effect.done

    async def _took_effect(self, effect: Effect) -> bool:
        for pause in self._timing.reads:
            await self._clock.sleep(pause)
            try:
                if effect.took_effect(await self._alerts.alert(effect.alert_id)):
                    return True
            except (PantherError, NotFound):
                continue
        return False

    async def _undo(self, effect: Effect) -> None:
        if effect.before is None:
            await self._save(effect.key, "intended", "")
        else:
            await self._values.save_receipt(effect.before, now=self._clock.now())

    async def _save(self, key: str, state: Literal["intended", "sent", "done", "unknown"], digest: str) -> None:
        now = self._clock.now()
        await self._values.save_receipt(Receipt(key, state, digest=digest, at=now), now=now)


def unconfirmed(done: str) -> str:
    """The sentence about a change that an earlier process sent, and whose effect is not there."""
    return f"{done} (unconfirmed): it was sent earlier and its answer was lost; not sent again"


async def in_step(journal: RunJournal, key: str, perform: Callable[[], Awaitable[str]]) -> str:
    """Change an alert in a step of a run, which a restarted run doesn't repeat; gives the step's sentence."""

    async def step() -> JsonValue:
        return await perform()

    return str(await journal.step(key, "move", step))
