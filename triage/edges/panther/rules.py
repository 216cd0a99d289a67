"""The detection behind an alert, with its text."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, JsonValue

from triage.domain.alert import DeletedOrigin, DetectionOrigin, Origin, Severity, SystemOrigin
from triage.domain.detection import DataModel, Detection
from triage.edges.panther.failures import unreadable
from triage.edges.panther.rest import Rest
from triage.edges.panther.rule_code import RuleCode
from triage.edges.panther.wire import Id, MaybeTime, Text, Texts, Unreadable, Wire, read
from triage.errors import NotFound
from triage.ports import Clock

_RULES = "/rules/{}"
_SIMPLE = "/simple-rules/{}"
_SCHEDULED = "/scheduled-rules/{}"
_POLICIES = "/policies/{}"
_CORRELATIONS = "/correlation-rules/{}"
ALL_CORRELATIONS = "/correlation-rules"

_TYPES = {
    _RULES: "RULE",
    _SIMPLE: "SIMPLE_RULE",
    _SCHEDULED: "SCHEDULED_RULE",
    _POLICIES: "POLICY",
    _CORRELATIONS: "CORRELATION_RULE",
}
_PARAMS: Mapping[str, Mapping[str, str]] = {_SIMPLE: {"include-python": "true"}}
_BY_TYPE = {"SCHEDULED_RULE": (_SCHEDULED, _RULES), "POLICY": (_POLICIES,)}
"""Where to look first; a policy's endpoint needs its own permission, so only policies are looked for there."""
_ELSE = (_RULES, _SIMPLE, _SCHEDULED)
_CORRELATION = "CORRELATION_RULE"
_REST_LACKS = frozenset({_CORRELATION, "DERIVED_RULE"})
"""Panther's REST API of 2025 has no path for these, so not finding one under another path proves nothing."""


def _lists(value: object) -> object:
    if not isinstance(value, dict):
        return {}
    return {
        str(name): [str(entry) for entry in entries if isinstance(entry, str | int)]
        for name, entries in value.items()
        if isinstance(entries, list)
    }


class RuleNode(Wire):
    """`RuleAPI.Rule`, `ScheduledRuleAPI.ScheduledRule`, `SimpleRuleAPI.SimpleRule`, `PolicyAPI.Policy` and
    `CorrelationRuleAPI.CorrelationRule` at once."""

    id: Id
    display_name: Text = ""
    severity: Severity | None = None
    description: Text = ""
    runbook: Text = ""
    reference: Text = ""
    body: Text = ""
    detection: Text = ""
    python_body: Text = ""
    tags: Texts = ()
    log_types: Texts = ()
    reports: Annotated[dict[str, tuple[str, ...]], BeforeValidator(_lists)] = Field(default_factory=dict)
    dedup_period_minutes: int | None = None
    threshold: int | None = None
    enabled: bool | None = None
    create_alert: bool | None = None
    managed: bool | None = None
    created_at: MaybeTime = None
    last_modified: MaybeTime = None


class PantherRules:
    """Implements `ports.RuleBook`.

    Source: Panther REST definition, `GET /rules/{id}`, `/simple-rules/{id}`, `/scheduled-rules/{id}`,
    `/policies/{id}`, and the lists of the first three; that of July 2026, `/correlation-rules/{id}`.
    """

    def __init__(self, rest: Rest, clock: Clock) -> None:
        self._rest = rest
        self._code = RuleCode(rest, clock)

    async def detection(self, origin: Origin) -> Detection:
        """The detection behind an alert.

        A deleted one, or one that Panther no longer finds, has only what the alert knows of it and `deleted` set; a
        system error has its component and type for a name.

        Raises:
            PantherError: denied or unreachable.
        """
        match origin:
            case SystemOrigin():
                return Detection(id="", name=f"{origin.component} {origin.type}".strip(), type="SYSTEM_ERROR")
            case DeletedOrigin():
                return Detection(id=origin.id, deleted=True)
            case DetectionOrigin(id=""):
                return Detection(id="", name=origin.name, type=origin.type)
            case DetectionOrigin():
                return await self._find(origin)

    async def detections(self) -> tuple[Detection, ...]:
        """Every rule, simple rule, scheduled rule and correlation rule, to the last page; policies are not listed.

        A Panther of 2025 does not list correlation rules.

        Raises:
            PantherError: denied or unreachable, or a detection cannot be read.
        """
        found: dict[str, Detection] = {}
        for path in (*_ELSE, _CORRELATIONS):
            async for results in self._rest.pages(path.removesuffix("/{}"), later=path == _CORRELATIONS):
                for value in results:
                    if isinstance(value, dict):
                        listed = _detection(value, path, DetectionOrigin(id="", type=_TYPES[path]))
                        found.setdefault(listed.id, listed)
        return tuple(found.values())

    async def helper(self, name: str) -> str:
        """Implements `ports.RuleBook.helper`; the answer serves for an hour."""
        return await self._code.helper(name)

    async def data_models(self) -> tuple[DataModel, ...]:
        """Implements `ports.RuleBook.data_models`; the answer serves for an hour."""
        return await self._code.data_models()

    async def _find(self, origin: DetectionOrigin) -> Detection:
        if origin.type == _CORRELATION:
            correlation = await self._find_correlation(origin)
            if correlation is not None:
                return correlation
        for path in _BY_TYPE.get(origin.type, _ELSE):
            try:
                found = await self._rest.get(path, origin.id, params=_PARAMS.get(path))
            except NotFound:
                continue
            return _detection(found, path, origin)
        deleted = origin.type not in _REST_LACKS
        return Detection(id=origin.id, name=origin.name, type=origin.type, deleted=deleted)

    async def _find_correlation(self, origin: DetectionOrigin) -> Detection | None:
        """A correlation rule by its own path; `None` where this Panther has no such path, or the token may not use it."""
        if self._rest.lacks(ALL_CORRELATIONS):
            return None
        try:
            rule = await self._rest.get_later(_CORRELATIONS, origin.id)
        except NotFound:
            # A path that isn't there and a rule that isn't there are both 404: the list tells them apart.
            if await self._rest.get_later(ALL_CORRELATIONS, params={"limit": "1"}) is None:
                return None
            return Detection(id=origin.id, name=origin.name, type=origin.type, deleted=True)
        if rule is None:
            self._rest.lack(ALL_CORRELATIONS)
            return None
        return _detection(rule, _CORRELATIONS, origin)


def _detection(found: Mapping[str, JsonValue], path: str, origin: DetectionOrigin) -> Detection:
    try:
        rule, _ = read(RuleNode, dict(found))
    except Unreadable as error:
        raise unreadable(f"GET {path}", f"the detection cannot be read: {error}") from error
    return Detection(
        id=rule.id,
        name=rule.display_name or origin.name,
        type=origin.type if origin.type in _REST_LACKS else _TYPES[path],
        severity=rule.severity,
        description=rule.description,
        runbook=rule.runbook,
        reference=rule.reference,
        body=rule.body or rule.detection or rule.python_body,
        tags=rule.tags,
        log_types=rule.log_types,
        reports=rule.reports,
        dedup_minutes=rule.dedup_period_minutes,
        threshold=rule.threshold,
        enabled=rule.enabled,
        create_alert=rule.create_alert,
        managed=rule.managed,
        created_at=rule.created_at,
        updated_at=rule.last_modified,
    )
