"""What a detection's text refers to, in the words of its authors: correlated rules, helpers, data-model fields."""

import asyncio
from collections.abc import Sequence

from triage.domain.alert import DetectionOrigin
from triage.domain.detection import DataModel, Detection, RuleText
from triage.ports import RuleBook
from triage.stages.enrichment.rule_code import definitions_of, uses_of
from triage.stages.enrichment.rule_parts import correlation

MAX_PARTS = 4
"""Rules of a correlation that are looked up."""
MAX_MODULES = 3
"""Global helpers that are looked up."""
TEXT_CHARS = 1_200
ALL_CHARS = 4_000
"""What is beyond is left out: the rule's own text is what counts."""


def refers_to_others(detection: Detection) -> bool:
    """Whether there is anything to look up."""
    uses = uses_of(detection.body)
    return bool(uses.helpers or uses.fields or correlation(detection.body).parts)


async def background_of(detection: Detection, rules: RuleBook) -> tuple[RuleText, ...]:
    """Look up what a detection's text refers to; what Panther doesn't have is left out.

    Costs nothing for a rule that stands alone. Raises PantherError.
    """
    parts, code, fields = await asyncio.gather(
        _parts(detection, rules), _helpers(detection, rules), _fields(detection, rules)
    )
    kept: list[RuleText] = []
    left = ALL_CHARS
    for text in (*parts, *code, *fields):
        left -= len(text.text)
        if left >= 0:
            kept.append(text)
    return tuple(kept)


async def _parts(detection: Detection, rules: RuleBook) -> tuple[RuleText, ...]:
    parts = correlation(detection.body).parts[:MAX_PARTS]
    found = await asyncio.gather(*(rules.detection(DetectionOrigin(id=part.id)) for part in parts))
    return tuple(
        RuleText(
            kind="part",
            name=rule.id,
            text=_cut("\n".join(filter(None, (rule.description.strip(), rule.body.strip())))),
            log_types=rule.log_types,
        )
        for rule in found
        if not rule.deleted and (rule.body or rule.description)
    )


async def _helpers(detection: Detection, rules: RuleBook) -> tuple[RuleText, ...]:
    wanted: dict[str, list[str]] = {}
    for module, name in uses_of(detection.body).helpers:
        wanted.setdefault(module, []).append(name)
    modules = list(wanted)[:MAX_MODULES]
    codes = await asyncio.gather(*(rules.helper(module) for module in modules))
    return tuple(
        RuleText(kind="helper", name=f"{module}.{name}", text=_cut(text))
        for module, code in zip(modules, codes, strict=True)
        for name, text in definitions_of(code, wanted[module]).items()
    )


async def _fields(detection: Detection, rules: RuleBook) -> tuple[RuleText, ...]:
    names = uses_of(detection.body).fields
    if not names:
        return ()
    models = [model for model in await rules.data_models() if model.enabled]
    return tuple(
        RuleText(kind="field", name=f"{log_type}: {name}", text=_cut(text))
        for model in models
        for log_type in model.log_types
        if log_type in detection.log_types
        for name in names
        if (text := _meaning(model, name))
    )[: MAX_PARTS * MAX_MODULES]


def _meaning(model: DataModel, name: str) -> str:
    """What one field of a data model is: a path into the event, or the method's text; empty where it has none."""
    mapping = next((each for each in model.mappings if each.name == name), None)
    if mapping is None:
        return ""
    return mapping.path or definitions_of(model.body, [mapping.method]).get(mapping.method, "")


def log_types_of(texts: Sequence[RuleText]) -> tuple[str, ...]:
    """The log types that the parts of a correlation read."""
    return tuple(dict.fromkeys(name for text in texts for name in text.log_types))


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARS else f"{text[:TEXT_CHARS]}…"
