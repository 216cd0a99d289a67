"""Reads detections as Panther's own repository keeps them: a YAML file with metadata, a Python file beside it.

The Python is kept as text and never imported, compiled or run.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from triage.domain.alert import Severity
from triage.domain.yaml_lines import MAX_SIZE, YamlError, parse_yaml
from triage.sandbox.importing.reading import Rejected, files, within
from triage.sandbox.world import Record

KINDS: Final = {
    "rule": "RULE",
    "scheduled_rule": "SCHEDULED_RULE",
    "correlation_rule": "CORRELATION_RULE",
    "policy": "POLICY",
}
"""Alert types by `AnalysisType`."""
_CORRELATED: Final = ("Sequence", "Group")
_MAX_BODY: Final = 1 << 20


def _texts(value: object) -> object:
    if value is None:
        return ()
    many = value if isinstance(value, list) else [value]
    return [str(item) for item in many if not isinstance(item, dict | list) and item is not None]


def _reports(value: object) -> object:
    if value is None:
        return {}
    return {str(name): _texts(listed) for name, listed in value.items()} if isinstance(value, dict) else value


def _severity(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _text(value: object) -> object:
    return "" if value is None else str(value) if isinstance(value, int | float) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Text = Annotated[str, BeforeValidator(_text)]


def _pascal(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))


class _File(BaseModel):
    """The keys of a detection's YAML that Panther serves; others are left alone.

    Source: the specification files of panther-labs/panther-analysis, and Panther's REST definition.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=_pascal)

    id: str = Field(min_length=1, max_length=400, validation_alias=AliasChoices("RuleID", "PolicyID"))
    filename: Text = ""
    display_name: Text = ""
    enabled: bool = True
    severity: Annotated[Severity, BeforeValidator(_severity)]
    description: Text = ""
    runbook: Text = ""
    tags: Texts = ()
    reports: Annotated[dict[str, tuple[str, ...]], BeforeValidator(_reports)] = Field(default_factory=dict)
    log_types: Texts = ()
    resource_types: Texts = ()
    scheduled_queries: Texts = ()
    summary_attributes: Texts = ()
    suppressions: Texts = ()
    output_ids: Texts = ()
    threshold: int = Field(default=1, ge=1)
    dedup_period_minutes: int = Field(default=60, ge=1)
    inline_filters: JsonValue = None
    detection: JsonValue = None
    alert_title: Text = ""
    alert_context: JsonValue = None
    group_by: JsonValue = None
    dynamic_severities: JsonValue = None


def read_rules(
    directory: Path,
    *,
    reject: Rejected,
    left_aside: Callable[[str], None],
    skipped: Callable[[Path], None] = lambda _path: None,
) -> Iterator[tuple[str, Record]]:
    """The detections below a directory, in order of their files.

    Args:
        directory: Walked for `*.yml` and `*.yaml`; one such file is fine, too.
        reject: Called with file, line and reason for each that cannot be imported.
        left_aside: Called with the `AnalysisType` of each file that is not a detection (a helper, a query, a pack).
        skipped: Called with each file of another name.

    Yields:
        Alert type (`RULE`, ...) and the record as the sandbox serves it.

    Raises:
        ConfigError: There is nothing at the path.
    """
    seen: dict[str, Path] = {}
    root = (directory if directory.is_dir() else directory.parent).resolve()
    for path in files(directory, (".yml", ".yaml"), skipped):
        try:
            found = _read(path, root)
        except YamlError as error:
            reject(path, error.line, error.reason)
            continue
        if isinstance(found, str):
            left_aside(found)
            continue
        kind, record = found
        identity = str(record["id"])
        if identity in seen:
            reject(path, 0, f"the id {identity} is already used in {seen[identity]}")
            continue
        seen[identity] = path
        yield kind, record


def _read(path: Path, root: Path) -> tuple[str, Record] | str:
    """Alert type and record of a detection, or the kind of a file that is none. Raises YamlError."""
    file = parse_yaml(_content(path, MAX_SIZE))
    document = file.value
    if not isinstance(document, dict):
        return "no AnalysisType"
    analysis_type = document.get("AnalysisType")
    if not isinstance(analysis_type, str) or analysis_type not in KINDS:
        return str(analysis_type)[:60] if analysis_type else "no AnalysisType"
    spec = file.validate(_File)
    if not spec.severity.known:
        raise YamlError(f"Severity: {str(spec.severity)[:40]!r} is none of {', '.join(Severity.__members__)}")
    body = _body(path, spec.filename, root) if spec.filename else ""
    if not body and spec.detection is None:
        raise YamlError("has neither Filename nor Detection")
    kind = KINDS[analysis_type]
    return kind, _record(spec, kind, body)


def _body(path: Path, filename: str, root: Path) -> str:
    """The Python beside a YAML file, as text. Raises YamlError."""
    file = path.parent / filename
    if Path(filename).name != filename or not file.name.endswith(".py"):
        raise YamlError(f"Filename: {filename[:60]!r} is not the name of a Python file beside it")
    if not within(file, root):
        raise YamlError(f"Filename: {filename[:60]!r} is not there")
    return _content(file, _MAX_BODY)


def _content(path: Path, limit: int) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise YamlError(f"{path.name} is larger than {limit} bytes")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise YamlError(f"{path.name} is not UTF-8") from error
    except OSError as error:
        raise YamlError(f"{path.name} cannot be read ({error.strerror})") from error


def _record(spec: _File, kind: str, body: str) -> Record:
    shared: Record = {
        "id": spec.id,
        "displayName": spec.display_name,
        "description": spec.description,
        "severity": spec.severity.value,
        "tags": list(spec.tags),
        "reports": {name: list(listed) for name, listed in spec.reports.items()},
        "tests": [],
        "enabled": spec.enabled,
        "managed": False,
        "outputIDs": list(spec.output_ids),
    }
    if kind == "POLICY":
        return shared | {
            "resourceTypes": list(spec.resource_types),
            "suppressions": list(spec.suppressions),
            "body": body,
        }
    shared |= {
        "runbook": spec.runbook,
        "logTypes": list(spec.log_types),
        "dedupPeriodMinutes": spec.dedup_period_minutes,
        "threshold": spec.threshold,
        "summaryAttributes": list(spec.summary_attributes),
        "inlineFilters": _as_text(spec.inline_filters),
    }
    if kind == "SCHEDULED_RULE":
        return shared | {"scheduledQueries": list(spec.scheduled_queries), "body": body}
    if spec.detection is None:
        return shared | {"body": body}
    simple: Record = {"detection": _as_text(spec.detection)}
    if kind == "RULE":
        simple |= {
            "alertTitle": spec.alert_title,
            "alertContext": _as_text(spec.alert_context),
            "groupBy": _as_text(spec.group_by),
            "dynamicSeverities": _as_text(spec.dynamic_severities),
        }
    return shared | simple | ({"pythonBody": body} if body else {})


def _as_text(value: JsonValue) -> str:
    """A structure as Panther's REST API gives it: text."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def kind_of(rule: Mapping[str, object]) -> str:
    """The alert type of a stored detection, by the fields that only its kind has."""
    if "scheduledQueries" in rule:
        return "SCHEDULED_RULE"
    if "resourceTypes" in rule:
        return "POLICY"
    detection = rule.get("detection")
    if isinstance(detection, str) and any(f'"{name}"' in detection for name in _CORRELATED):
        return "CORRELATION_RULE"
    return "RULE"
