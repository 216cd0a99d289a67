"""The detection behind an alert, with its text."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, JsonValue

from triage.domain.alert import DeletedOrigin, DetectionOrigin, Origin, Severity, SystemOrigin
from triage.domain.detection import Detection
from triage.edges.panther.failures import unreadable
from triage.edges.panther.rest import Rest
from triage.edges.panther.wire import Id, MaybeTime, Text, Texts, Trail, Unreadable, Wire, read
from triage.errors import NotFound

_PAGE = 50
_RULES = "/rules/{}"
_SIMPLE = "/simple-rules/{}"
_SCHEDULED = "/scheduled-rules/{}"
_POLICIES = "/policies/{}"

_TYPES = {_RULES: "RULE", _SIMPLE: "SIMPLE_RULE", _SCHEDULED: "SCHEDULED_RULE", _POLICIES: "POLICY"}
_PARAMS: Mapping[str, Mapping[str, str]] = {_SIMPLE: {"include-python": "true"}}
_BY_TYPE = {"SCHEDULED_RULE": (_SCHEDULED, _RULES), "POLICY": (_POLICIES,)}
"""Where to look first; a policy's endpoint needs its own permission, so only policies are looked for there."""
_ELSE = (_RULES, _SIMPLE, _SCHEDULED)
_REST_LACKS = frozenset({"CORRELATION_RULE", "DERIVED_RULE"})
"""Panther's REST API has no path for these, so not finding one proves nothing."""


def _lists(value: object) -> object:
    if not isinstance(value, dict):
        return {}
    return {
        str(name): [str(entry) for entry in entries if isinstance(entry, str | int)]
        for name, entries in value.items()
        if isinstance(entries, list)
    }


class RuleNode(Wire):
    """`RuleAPI.Rule`, `ScheduledRuleAPI.ScheduledRule`, `SimpleRuleAPI.SimpleRule` and `PolicyAPI.Policy` at once."""

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
    managed: bool | None = None
    created_at: MaybeTime = None
    last_modified: MaybeTime = None


class PantherRules:
    """Implements `ports.RuleBook`.

    Source: Panther REST definition, `GET /rules/{id}`, `/simple-rules/{id}`, `/scheduled-rules/{id}`,
    `/policies/{id}`, and the lists of the first three.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

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
        """Every rule, simple rule and scheduled rule, to the last page; policies and correlation rules are not listed.

        Raises:
            PantherError: denied or unreachable, or a detection cannot be read.
        """
        found: dict[str, Detection] = {}
        for path in _ELSE:
            async for value in self._listed(path.removesuffix("/{}")):
                listed = _detection(value, path, DetectionOrigin(id="", type=_TYPES[path]))
                found.setdefault(listed.id, listed)
        return tuple(found.values())

    async def _listed(self, path: str) -> AsyncIterator[Mapping[str, JsonValue]]:
        operation = f"GET {path}"
        trail, cursor = Trail(operation), ""
        while True:
            params = {"limit": str(_PAGE), **({"cursor": cursor} if cursor else {})}
            page = await self._rest.get(path, params=params)
            results = page.get("results")
            if not isinstance(results, list):
                raise unreadable(operation, "the answer has no list of results")
            for value in results:
                if isinstance(value, dict):
                    yield value
            following = page.get("next")
            if not isinstance(following, str) or not following:
                return
            trail.follow(following)
            cursor = following

    async def _find(self, origin: DetectionOrigin) -> Detection:
        for path in _BY_TYPE.get(origin.type, _ELSE):
            try:
                found = await self._rest.get(path, origin.id, params=_PARAMS.get(path))
            except NotFound:
                continue
            return _detection(found, path, origin)
        deleted = origin.type not in _REST_LACKS
        return Detection(id=origin.id, name=origin.name, type=origin.type, deleted=deleted)


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
        managed=rule.managed,
        created_at=rule.created_at,
        updated_at=rule.last_modified,
    )
