"""One investigation, recorded whole: alert, every journalled step, and the result. It can be shared and replayed."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import JsonValue, ValidationError

from triage import __version__
from triage.domain.alert import Alert
from triage.domain.base import Value
from triage.domain.redaction import without_secrets
from triage.domain.verdict import Investigation
from triage.errors import ConfigError, NotFound, StoreError
from triage.pipeline.single import claim_alert
from triage.ports import Claim, Clock, Journal, Records, Store

Document = TypeVar("Document", bound=Value)

_LEASE = 3600.0
_UNPRINTED = re.compile(r"[^\n -~]+")


def ascii_json(value: Value) -> str:
    """One indented JSON document with a last line break, printable as it is.

    Everything but printable ASCII is escaped, which any reader of JSON undoes: no control, bidi or invisible character
    of a log reaches a terminal raw. Such characters occur only inside strings, so the document can be changed as text.
    """

    def escape(letter: str) -> str:
        # `json.dumps` leaves DEL as it is.
        return "\\u007f" if letter == "\x7f" else json.dumps(letter)[1:-1]

    return _UNPRINTED.sub(lambda found: "".join(map(escape, found.group())), value.model_dump_json(indent=1)) + "\n"


class RecordedStep(Value):
    """A journalled step."""

    key: str
    kind: str
    payload: JsonValue


class Unrecorded(NotFound):
    """An investigation whose journal is gone."""


class CaseRecord(Value):
    """A recorded investigation as it is kept in a file."""

    format: Literal["triage-record/1"] = "triage-record/1"
    version: str = __version__
    """The version of the program that exported it."""
    alert: Alert
    steps: tuple[RecordedStep, ...]
    investigation: Investigation

    def text(self) -> str:
        """One JSON document in ASCII with a last line break."""
        return ascii_json(self)


async def read_record(records: Records, journal: Journal, alert_id: str) -> CaseRecord:
    """Take a finished investigation from the store, without secrets.

    Raises:
        NotFound: The alert has no investigation.
        Unrecorded: It has one, and its journal was pruned or is of another version.
        StoreError: The store cannot be read.
    """
    record = await records.find(alert_id)
    investigation = await records.investigation(alert_id)
    if record is None or investigation is None:
        raise NotFound(f"alert {alert_id} has no investigation here")
    entries = await journal.entries(investigation.run_id)
    if not entries:
        raise Unrecorded(
            f"the journal of alert {alert_id} is gone (pruned, or of another version): it cannot be replayed"
        )
    # The journal holds no secrets; what the detection's code put into the alert itself may.
    alert = without_secrets(record.alert)
    return CaseRecord(
        alert=alert,
        steps=tuple(RecordedStep(key=key, kind=kind, payload=payload) for key, kind, payload in entries),
        investigation=investigation,
    )


def load_record(path: Path) -> CaseRecord:
    """Read a file that `triage eval record export` wrote. Raises ConfigError."""
    return read_document(path, CaseRecord, "a record that `triage eval record export` wrote")


def read_document(path: Path, model: type[Document], what: str) -> Document:
    """Read a JSON document from a file. Raises ConfigError; `what` says which kind of file was expected."""
    try:
        return model.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({type(error).__name__})") from error
    except ValidationError as error:
        raise ConfigError(f"{path} is not {what}") from error


async def append_steps(journal: Journal, claim: Claim, steps: Iterable[RecordedStep], clock: Clock) -> None:
    """Journal recorded steps as those of a claim's run. Raises StoreError."""
    for step in steps:
        await journal.append(claim, step.key, step.kind, step.payload, now=clock.now())


async def keep_record(store: Store, case: CaseRecord, clock: Clock, *, worker: str) -> None:
    """Put a record into a store, as if the alert had been investigated there.

    Raises:
        ConfigError: The store knows the alert already.
        AlertBusy: Another process has claimed it in the meantime.
        StoreError: It cannot be written.
    """
    if await store.records.find(case.alert.id) is not None:
        raise ConfigError(f"alert {case.alert.id} is in this store already; import into another (store.url)")
    claim = await claim_alert(
        store.queue, case.alert, reason="imported record", worker=worker, clock=clock, lease_seconds=_LEASE
    )
    await append_steps(store.journal, claim, case.steps, clock)
    result = case.investigation.model_copy(update={"run_id": claim.run_id})
    if not await store.queue.finish(claim, result, now=clock.now()):
        raise StoreError(f"alert {case.alert.id} was taken by another process")
