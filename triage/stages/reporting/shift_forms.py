"""A shift as JSON, as text for a terminal, and as a page."""

from collections.abc import Mapping
from dataclasses import asdict

from pydantic import JsonValue

from triage.domain.clean import printable, safe_sentence, safe_value
from triage.ports import Prompts
from triage.stages.reporting.shift import VERDICTS, Shift, Waiting

TEMPLATE = "report.html.j2"

_DETECTIONS = 20
_FAILURES = 20
_WAITING = 100
_TEXT = 200


def shift_json(shift: Shift) -> dict[str, JsonValue]:
    """`triage report --json`: everything, uncut."""
    return {
        "since": shift.since.isoformat() if shift.since else None,
        "until": shift.until.isoformat(),
        "alerts": shift.alerts,
        "states": {**shift.states},
        "severities": {**shift.severities},
        "verdicts": {**shift.verdicts},
        "seconds": round(shift.seconds, 3),
        "queries": shift.queries,
        "rows": shift.rows,
        "tokens": shift.tokens,
        "money": round(shift.money, 6),
        "currency": shift.currency,
        "detections": [
            {
                "id": one.id,
                "name": one.name,
                "alerts": one.alerts,
                "investigated": one.investigated,
                "linked": one.linked,
                "verdicts": {**one.verdicts},
                "seconds": round(one.seconds, 3),
                "money": round(one.money, 6),
            }
            for one in shift.detections
        ],
        "failed_questions": [
            {"key": key, "times": number, "last_reason": reason} for key, number, reason in shift.failed_questions
        ],
        "waiting": [
            {
                "alert_id": each.alert_id,
                "severity": each.severity,
                "title": each.title,
                "why": each.why,
                "created_at": each.created_at.isoformat(),
                "linked": each.linked,
            }
            for each in shift.waiting
        ],
    }


def shift_text(shift: Shift) -> str:
    """A page for a terminal."""
    lines = [
        f"{_span(shift)}: {shift.alerts} alerts",
        f"states      {_counts(shift.states)}",
        f"severities  {_counts(shift.severities)}",
        f"verdicts    {_counts(shift.verdicts)}",
        f"took        {_took(shift)}",
        "",
        f"Waits for a person: {len(shift.waiting)}",
        *(f"  {_waiting(each)}" for each in shift.waiting[:_WAITING]),
        *_more(len(shift.waiting) - _WAITING),
        "",
        "Noisiest detections (alerts; malicious, suspicious, inconclusive, benign; seconds)",
    ]
    for one in shift.detections[:_DETECTIONS]:
        verdicts = "  ".join(f"{one.verdicts[name]:>3}" for name in VERDICTS)
        lines.append(
            f"  {one.alerts:>5}  {verdicts}  {one.seconds:>7.1f}  {printable(one.name or one.id or '(none)', 70)}"
        )
    lines += _more(len(shift.detections) - _DETECTIONS)
    if shift.failed_questions:
        lines += ["", "Questions without an answer"]
        lines += [
            f"  {number:>5}  {printable(key, 60)}: {printable(reason, 120)}"
            for key, number, reason in shift.failed_questions[:_FAILURES]
        ]
        lines += _more(len(shift.failed_questions) - _FAILURES)
    return "\n".join(lines)


def shift_page(shift: Shift, *, prompts: Prompts) -> str:
    """One HTML document, self-contained. Raises PromptError."""
    total = sum(shift.verdicts.values())
    at = 0.0
    bars = []
    for name in VERDICTS:
        width = 100 * shift.verdicts[name] / total if total else 0.0
        bars.append({"name": name, "number": shift.verdicts[name], "x": f"{at:.3f}", "width": f"{width:.3f}"})
        at += width
    view = {
        "span": _span(shift),
        "alerts": shift.alerts,
        "states": _counts(shift.states),
        "severities": _counts(shift.severities),
        "took": _took(shift),
        "bars": bars,
        "total": total,
        "verdicts": VERDICTS,
        "detections": [
            {
                **asdict(one),
                "title": safe_sentence(one.name or one.id or "(none)", _TEXT),
                "id": safe_value(one.id, _TEXT),
                "counts": [one.verdicts[name] for name in VERDICTS],
                "seconds": f"{one.seconds:.1f}",
                "money": f"{one.money:.4f}",
            }
            for one in shift.detections[:_DETECTIONS]
        ],
        "detections_left": max(len(shift.detections) - _DETECTIONS, 0),
        "currency": safe_value(shift.currency, 8),
        "failed": [
            {"key": safe_value(key, 80), "times": number, "reason": safe_sentence(reason, _TEXT)}
            for key, number, reason in shift.failed_questions[:_FAILURES]
        ],
        "failed_left": max(len(shift.failed_questions) - _FAILURES, 0),
        "waiting": [
            {
                "alert_id": safe_value(each.alert_id, 48),
                "severity": safe_value(each.severity, 20),
                "title": safe_sentence(each.title, _TEXT),
                "why": safe_sentence(each.why, _TEXT),
                "at": f"{each.created_at:%Y-%m-%d %H:%M}",
                "linked": each.linked,
            }
            for each in shift.waiting[:_WAITING]
        ],
        "waiting_all": len(shift.waiting),
        "waiting_left": max(len(shift.waiting) - _WAITING, 0),
    }
    return prompts.render(TEMPLATE, {"view": view})


def _span(shift: Shift) -> str:
    until = f"{shift.until:%Y-%m-%d %H:%M} UTC"
    return f"{shift.since:%Y-%m-%d %H:%M} to {until}" if shift.since else f"everything up to {until}"


def _counts(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {printable(name, 40)}" for name, number in numbers.items()) or "none"


def _took(shift: Shift) -> str:
    money = f", {shift.money:.4f} {printable(shift.currency, 8)}" if shift.tokens else ""
    tokens = f", {shift.tokens:,} tokens{money}" if shift.tokens else ""
    return f"{shift.seconds:,.1f} s one after the other, {shift.queries:,} queries, {shift.rows:,} rows{tokens}"


def _waiting(each: Waiting) -> str:
    linked = f" (and {each.linked} linked)" if each.linked else ""
    return (
        f"{printable(each.severity, 8):<8}  {printable(each.alert_id, 40)}  {each.created_at:%m-%d %H:%M}  "
        f"{printable(each.title, 60)}: {printable(each.why, 120)}{linked}"
    )


def _more(number: int) -> list[str]:
    return [f"  and {number} more (--json has all)"] if number > 0 else []
