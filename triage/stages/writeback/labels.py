"""Quality and context tags by policy, beside a person's and never over one."""

from collections.abc import Sequence

from triage.domain.alert import Alert, Quality
from triage.domain.verdict import Verdict
from triage.ports import AlertSource, Clock, Labels, Receipt, RunJournal, Values
from triage.settings import WritebackSettings
from triage.stages.writeback.effect import Effect, EffectSender, in_step, unconfirmed
from triage.stages.writeback.outcome import Timing
from triage.stages.writeback.policy import AlertAtStart, LabelDecision, changed_by_person, wanted_labels

MAX_TAGS = 10
"""Context tags of one alert. Source: Panther REST definition, `AlertAPI.PatchAlertReq`."""
_NONE = "none"
"""In a receipt: this program has taken the quality back."""


def quality_key(alert_id: str) -> str:
    """The key of the receipt for an alert's quality; its digest lists what this program has set it to, in order."""
    return f"quality:{alert_id}"


def set_by_us(receipt: Receipt | None) -> tuple[str, ...]:
    """Every quality that this program has given an alert, or may have, in order; empty for one taken back."""
    words = receipt.digest.split() if receipt is not None else []
    return tuple("" if word == _NONE else word for word in words)


class LabelUpdater:
    """Sets quality and tags by policy. What a person has set or taken away stays as it is."""

    def __init__(
        self,
        labels: Labels,
        alerts: AlertSource,
        values: Values,
        settings: WritebackSettings,
        clock: Clock,
        timing: Timing = Timing(),  # noqa: B008 - frozen
    ) -> None:
        self._labels = labels
        self._alerts = alerts
        self._values = values
        self._settings = settings
        self._sender = EffectSender(alerts, values, clock, timing)

    async def update(
        self, alert: Alert, verdict: Verdict, *, at_start: AlertAtStart, journal: RunJournal
    ) -> tuple[str, ...]:
        """Label the alert where policy says so; gives sentences for the reader.

        Args:
            alert: Its severity counts.
            verdict: The final one.
            at_start: The alert when its investigation began.
            journal: Keeps what was done, so that a restarted run does nothing twice.

        Raises PantherError where Panther cannot be read.
        """
        if not (self._settings.quality or self._settings.tags) or not await self._labels.served():
            return ()
        wanted = wanted_labels(alert, verdict, self._settings)
        done = [f"labels not given: {wanted.reason}" if wanted.reason else ""]
        if not (wanted.give or wanted.take_back):
            return tuple(line for line in done if line)
        if self._settings.quality:
            done.append(await in_step(journal, "quality", lambda: self._quality(alert.id, at_start, wanted)))
        if self._settings.tags:
            done.append(await in_step(journal, "tags", lambda: self._tags(alert.id, at_start, wanted)))
        return tuple(line for line in done if line)

    async def _quality(self, alert_id: str, at_start: AlertAtStart, wanted: LabelDecision) -> str:
        receipt = await self._values.receipt(quality_key(alert_id))
        ours = set_by_us(receipt)
        current = await self._alerts.alert(alert_id)
        if current.context_tags is None:
            return "quality unchanged: Panther did not say what it is"
        there = current.quality.value if current.quality is not None else ""
        target = wanted.quality.value if wanted.quality is not None and wanted.give else ""
        stays = wanted.quality.value if wanted.quality is not None else ""
        if not target and (there in ("", stays) or there != _last(ours)):
            return ""
        if there == target:
            return f"quality was already {target}"
        if changed := changed_by_person(at_start, current):
            return f"quality unchanged: {changed}"
        said = f"quality set to {target}" if target else f"quality {there} taken back"
        if ours and target == _last(ours):
            return (
                unconfirmed(said)
                if _is_open(receipt)
                else f"quality unchanged: it has been changed since it was set to {target}"
            )
        if there != _last(ours):
            return f"quality unchanged: it is {there}" if there else "quality unchanged: it has been taken away"
        quality = Quality(target) if target else None
        return await self._sender.send(
            Effect(
                key=quality_key(alert_id),
                alert_id=alert_id,
                done=said,
                attempt=f"set the quality to {target}" if target else f"take the quality {there} back",
                act=lambda: self._labels.set_quality(alert_id, quality),
                took_effect=lambda alert: alert.quality is quality,
                sent=" ".join(word or _NONE for word in (*ours, target)),
                before=receipt,
            )
        )

    async def _tags(self, alert_id: str, at_start: AlertAtStart, wanted: LabelDecision) -> str:
        key = f"tags:{alert_id}"
        receipt = await self._values.receipt(key)
        ours = tuple(receipt.digest.split()) if receipt is not None else ()
        current = await self._alerts.alert(alert_id)
        if current.context_tags is None:
            return "tags unchanged: Panther did not say what they are"
        there = current.context_tags
        lacking = tuple(tag for tag in dict.fromkeys(wanted.tags) if tag not in there and wanted.give)
        stale = tuple(tag for tag in there if tag in ours and tag not in wanted.tags)
        # One that was given before and is gone was taken away by someone, or its request was lost.
        missing = tuple(tag for tag in lacking if tag not in ours)
        lost = tuple(tag for tag in lacking if tag in ours) if _is_open(receipt) else ()
        if not missing and not stale:
            if lost:
                return unconfirmed(f"tagged {_listed(lost)}")
            return f"tags unchanged: {_listed(lacking)} has been taken away" if lacking else ""
        if changed := changed_by_person(at_start, current):
            return f"tags unchanged: {changed}"
        tags = (*(tag for tag in there if tag not in stale), *missing)
        if len(tags) > MAX_TAGS:
            return f"tags unchanged: the alert has {len(there)}, and Panther allows {MAX_TAGS}"
        said = [f"tagged {_listed(missing)}"] if missing else []
        said += [f"tag {_listed(stale)} taken back"] if stale else []
        said += [unconfirmed(f"tagged {_listed(lost)}")] if lost else []
        return await self._sender.send(
            Effect(
                key=key,
                alert_id=alert_id,
                done=", ".join(said),
                attempt=f"set the tags to {_listed(tags)}" if tags else "take the tags away",
                act=lambda: self._labels.set_tags(alert_id, tags),
                took_effect=lambda alert: set(alert.context_tags or ()) == set(tags),
                # What goes is this program's until it is gone: a kill before the request must not make it a person's.
                sent=" ".join((*ours, *missing)),
                settled=" ".join((*(tag for tag in ours if tag not in stale), *missing)),
                before=receipt,
            )
        )


def _is_open(receipt: Receipt | None) -> bool:
    """Whether nobody knows what became of the last request."""
    return receipt is not None and receipt.state in ("sent", "unknown")


def _last(ours: Sequence[str]) -> str:
    return ours[-1] if ours else ""


def _listed(tags: Sequence[str]) -> str:
    return ", ".join(tags)
