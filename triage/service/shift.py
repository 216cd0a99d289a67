"""The summary of a shift from the state database: most alerts are counted there, the others are read page by page."""

from datetime import datetime

from triage.ports import Records
from triage.service.stored import each_page
from triage.stages.reporting.shift import Shift


async def read_shift(
    records: Records, *, since: datetime, until: datetime, currency: str, most: int | None = None
) -> tuple[Shift, bool]:
    """Sum up the alerts created at or after `since`.

    Args:
        records: Alerts, investigations in short, marks.
        since: The beginning.
        until: The end, for the title.
        currency: Of the money.
        most: Alerts of which more than their number is read, newest first; `None`: all.

    Returns:
        The sums, and whether alerts beyond `most` are missing in them.

    Raises:
        StoreError: the store cannot be read.
    """
    shift = Shift(since=since, until=until, currency=currency)
    read = 0
    async for page in each_page(records, since=since, notable=True):
        names = [record.alert.id for record in page]
        briefs = await records.briefs(names)
        marks = {mark.alert_id for mark in await records.marks(only=names)}
        for record in page:
            shift.add(record, briefs.get(record.alert.id), marked=record.alert.id in marks)
        read += len(page)
        if most is not None and read >= most:
            break
    for some in await records.count_others(since=since):
        shift.count(some)
    shift.name(await records.detection_names(shift.nameless))
    return shift, most is not None and read >= most
