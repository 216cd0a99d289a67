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
from triage.domain.verdict import Disposition, Investigation
from triage.edges.files import read_bounded
from triage.errors import ConfigError, NotFound
from triage.ports import Claim, Clock, Journal, Records, Store
from triage.stages.verification import verify

Document = TypeVar("Document", bound=Value)

LARGEST = 32 << 20
"""Bytes of a document: parsed, it takes about ten times as much memory."""
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
        return model.model_validate_json(read_bounded(path, LARGEST))
    except ValidationError as error:
        raise ConfigError(f"{path} is not {what}") from error


async def append_steps(journal: Journal, claim: Claim, steps: Iterable[RecordedStep], clock: Clock) -> None:
    """Journal recorded steps as those of a claim's run. Raises StoreError."""
    for step in steps:
        await journal.append(claim, step.key, step.kind, step.payload, now=clock.now())


async def keep_record(store: Store, case: CaseRecord, clock: Clock) -> None:
    """Put a record into a store, to be read and replayed there, with what its own evidence bears out.

    Raises:
        ConfigError: The store knows the alert already.
        StoreError: It cannot be written.
    """
    if await store.records.find(case.alert.id) is not None:
        raise ConfigError(f"alert {case.alert.id} is in this store already; import into another (store.url)")
    steps = [(step.key, step.kind, step.payload) for step in case.steps]
    # What an export would clean is cleaned here too: the file need not come from one.
    alert = without_secrets(case.alert)
    await store.journal.keep_imported(alert, verified_again(case.investigation), steps, now=clock.now())


def verified_again(recorded: Investigation) -> Investigation:
    """The investigation with every finding looked up in its own evidence again.

    A file says what it likes: where a finding that it calls verified does not hold, or a benign verdict rests on none
    that does, the verdict is inconclusive.
    """
    verdict = recorded.verdict
    findings = verify([checked.finding for checked in verdict.findings], recorded.evidence)
    fallen = sum(old.verified and not new.verified for old, new in zip(verdict.findings, findings, strict=True))
    holds = sum(checked.verified for checked in findings)
    changed: dict[str, object] = {"findings": findings}
    if fallen or (verdict.disposition is Disposition.BENIGN and not holds):
        why = f"{fallen} findings of the imported record do not hold" if fallen else "no finding bears the verdict out"
        changed |= {"disposition": Disposition.INCONCLUSIVE, "confidence": 0.0, "reason": f"{why} in its own evidence"}
    note = f"Imported record: {holds} of its {len(findings)} findings hold in the evidence that it brings."
    return recorded.model_copy(
        update={"verdict": verdict.model_copy(update=changed), "notes": (*recorded.notes, note), "case": None}
    )
