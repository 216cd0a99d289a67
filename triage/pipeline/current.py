"""The alert as Panther has it now, read the same way by every run."""

from triage.domain.alert import Alert
from triage.domain.redaction import without_secrets
from triage.domain.selection import SkipCode, Skipped
from triage.errors import NotFound
from triage.ingest.selection import still_wanted
from triage.ports import AlertSource
from triage.settings import IngestSettings


async def current_alert(
    alerts: AlertSource, alert_id: str, settings: IngestSettings, *, forced: bool = False
) -> Alert | Skipped:
    """Read an alert again: while it waited, a person may have closed it or it may have been deleted.

    Args:
        alerts: Panther.
        alert_id: Of the alert.
        settings: Which alerts are wanted.
        forced: It is wanted whatever its status.

    Returns:
        The alert without the secrets in its own texts, or why it is no longer wanted.

    Raises:
        PantherError: It can't be read.
    """
    try:
        alert = without_secrets(await alerts.alert(alert_id))
    except NotFound:
        return Skipped(code=SkipCode.GONE, reason="the alert no longer exists in Panther")
    return alert if forced else still_wanted(alert, settings) or alert
