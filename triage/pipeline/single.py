"""One alert taken by its id rather than from the queue: by `triage investigate`, evaluation, replay and import."""

from triage.domain.alert import Alert
from triage.domain.redaction import without_secrets
from triage.domain.selection import Selected
from triage.errors import AlertBusy
from triage.ports import AlertQueue, Claim, Clock


async def claim_alert(
    queue: AlertQueue,
    alert: Alert,
    *,
    reason: str,
    worker: str,
    clock: Clock,
    lease_seconds: float,
    fresh: bool = False,
) -> Claim:
    """Store an alert as selected, whatever the filters say, and claim it.

    Args:
        queue: Where it is stored.
        alert: The alert.
        reason: Why it is selected, for the record.
        worker: Who claims it.
        clock: The caller's.
        lease_seconds: How long the claim holds without a heartbeat.
        fresh: Start a new run where the alert was investigated before.

    Raises:
        AlertBusy: Another worker holds the alert.
        StoreError: The store cannot be written.
    """
    alert = without_secrets(alert)
    await queue.save([(alert, Selected(reason=reason))], now=clock.now())
    if fresh:
        await queue.enqueue(alert.id, now=clock.now(), fresh=True)
    claim = await queue.claim(worker, now=clock.now(), lease_seconds=lease_seconds, alert_id=alert.id)
    if claim is None:
        raise AlertBusy(f"alert {alert.id} is being worked on by another process; try again later")
    return claim
