"""What is known to be right about an alert. Labels stay here: they never enter the lake, the alerts or a prompt."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from triage.domain.verdict import Disposition
from triage.errors import ConfigError


class Label(BaseModel):
    """One line of a truth file; keys that are not known here are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    alert_id: str = Field(min_length=1)
    verdict: Disposition | None = None
    """`malicious` or `benign`; without one the alert is unlabelled and counts nowhere."""
    accept: tuple[Disposition, ...] = ()
    """Verdicts that count as right; empty: `verdict` alone."""
    tier: str = ""
    """Who decides: how the label is known."""
    incident: str = ""
    """Alerts of one incident are not independent: the cluster for intervals. Empty: the alert itself."""
    rule: str = ""
    log_type: str = ""
    pair: str = ""
    """Twins share it: the same alert over two lakes."""
    absence: Annotated[bool, BeforeValidator(bool)] = False
    """The decisive log source is silent: only a verdict between the extremes is right. In the file: which one, or null."""
    inferred: bool = False
    """The label rests on a reading of the logs."""
    evidence_row_ids: tuple[str, ...] = ()
    """`p_row_id` of the rows that decide it."""
    injection: Annotated[bool, BeforeValidator(bool)] = False
    """The alert's logs carry hostile text. In the file: which text, or null."""
    hostile_of: str = ""
    """The alert of which this is the same case with hostile text added."""

    @property
    def right(self) -> tuple[Disposition, ...]:
        """Every verdict that counts as right; none for an unlabelled alert."""
        return self.accept or ((self.verdict,) if self.verdict else ())

    @property
    def cluster(self) -> str:
        return self.incident or self.alert_id

    @property
    def counts(self) -> bool:
        """Whether anyone has said what is right."""
        return self.verdict in (Disposition.MALICIOUS, Disposition.BENIGN)


def load_labels(path: Path) -> tuple[Label, ...]:
    """Read a truth file: one JSON object a line.

    Raises ConfigError with the line: not JSON, a verdict that is none, an alert that is there twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--truth: {path} cannot be read ({type(error).__name__})") from error
    found: dict[str, Label] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            label = Label.model_validate({**json.loads(line)})
        except (ValueError, TypeError, RecursionError) as error:
            raise ConfigError(f"{path}, line {number}: {_reason(error)}") from error
        if label.alert_id in found:
            raise ConfigError(f"{path}, line {number}: alert {label.alert_id} is labelled twice")
        found[label.alert_id] = label
    if not found:
        raise ConfigError(f"{path}: holds no label")
    return tuple(found.values())


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return "not a JSON object"
