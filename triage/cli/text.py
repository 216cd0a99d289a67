"""Investigations and tables as text for a terminal. Everything from outside is cleaned on its way."""

from collections.abc import Container, Mapping, Sequence

from triage.domain.clean import printable
from triage.domain.evidence import Evidence
from triage.domain.finding import CheckedFinding
from triage.domain.selection import Linked, Selected
from triage.domain.verdict import Analyst, Investigation
from triage.ports import AlertRecord, Spend

ROWS_SHOWN = 5
CELL = 60


def alert_table(records: Sequence[AlertRecord], spends: Mapping[str, Spend] | None = None, currency: str = "") -> str:
    """One line an alert: selected or why not, verdict, confidence, time; those of a group below the one that leads it.

    Args:
        records: The alerts.
        spends: What model calls have cost, by alert id; columns for it are there where something was spent.
        currency: Of the money.
    """
    if not records:
        return "no alerts seen yet"
    records = _grouped(records)
    ids = {record.alert.id for record in records}
    costs = _costs([(spends or {}).get(record.alert.id, Spend()) for record in records], printable(currency, 12))
    head = ("alert", "severity", "title", "state", "verdict", "conf.", "seconds", *costs[0], "why")
    rows = [head]
    for record, cost in zip(records, costs[1:], strict=True):
        *cells, why = _row(record, ids)
        rows.append((*cells, *cost, why))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _costs(spends: Sequence[Spend], currency: str) -> list[tuple[str, ...]]:
    """Heads and cells of the columns for cost: none, tokens, or tokens and money."""
    if not any(spend.calls for spend in spends):
        return [()] * (len(spends) + 1)
    tokens = ["tokens", *(f"{spend.tokens:,}" if spend.calls else "" for spend in spends)]
    if not any(spend.money for spend in spends):
        return [(cell,) for cell in tokens]
    money = [currency, *(f"{spend.money:.2f}" if spend.calls else "" for spend in spends)]
    return list(zip(tokens, money, strict=True))


def _grouped(records: Sequence[AlertRecord]) -> list[AlertRecord]:
    """The same, each linked alert behind its leader where that is listed too."""
    ids = {record.alert.id for record in records}
    followers: dict[str, list[AlertRecord]] = {}
    for record in records:
        if isinstance(record.decision, Linked) and record.decision.leader in ids:
            followers.setdefault(record.decision.leader, []).append(record)
    below = {record.alert.id for group in followers.values() for record in group}
    ordered: list[AlertRecord] = []
    for record in records:
        if record.alert.id not in below:
            ordered += (record, *followers.pop(record.alert.id, ()))
    # Whatever is linked in an odd way is not left out.
    return ordered + [record for group in followers.values() for record in group]


def _row(record: AlertRecord, ids: Container[str]) -> tuple[str, ...]:
    decision = record.decision
    below = isinstance(decision, Linked) and decision.leader in ids
    if record.error:
        why = record.error
    elif isinstance(decision, Selected):
        why = decision.warning or decision.reason
    else:
        why = decision.reason
    verdict = record.verdict.value if record.verdict else ""
    return (
        ("+ " if below else "") + printable(record.alert.id, 40),
        printable(record.alert.severity.value, 8),
        printable(record.alert.title, 44),
        record.state.value,
        f"({verdict})" if verdict and isinstance(decision, Linked) else verdict,
        f"{record.confidence:.0%}" if record.confidence is not None else "",
        f"{record.seconds:.1f}" if record.seconds is not None else "",
        printable(why, 90),
    )


def investigation_text(record: AlertRecord, investigation: Investigation | None) -> str:
    """One investigation whole."""
    alert = record.alert
    lines = [
        f"{printable(alert.severity.value, 20)}  {printable(alert.title, 200)}",
        f"alert {printable(alert.id, 80)}, detection {printable(alert.detection_id, 120) or '(none)'}, "
        f"status {printable(alert.status.value, 20)}, created {alert.created_at:%Y-%m-%d %H:%M:%S} UTC",
    ]
    if not isinstance(record.decision, Selected):
        lines.append(f"not investigated itself: {printable(record.decision.reason, 200)}")
    if investigation is None:
        lines.append(f"state {record.state.value}{': ' + printable(record.error, 400) if record.error else ''}")
        return "\n".join(lines)
    verdict = investigation.verdict
    model = printable(investigation.model, 80)
    analyst = "the offline analyst" if investigation.analyst is Analyst.OFFLINE else f"model {model}"
    lines += [
        "",
        f"Verdict: {verdict.disposition.value} ({verdict.confidence:.0%}, {printable(verdict.calibration, 60)}), by {analyst}",
        printable(verdict.summary, 2000),
    ]
    if verdict.reason:
        lines.append(f"Rules applied: {printable(verdict.reason, 600)}")
    lines += ["", f"Findings ({len(verdict.verified)} verified, {verdict.dropped} dropped)"]
    lines += [_finding(checked) for checked in verdict.findings]
    lines += ["", "Signals"]
    lines += [
        f"  {signal.direction.value:<9} {signal.weight:4.1f}  {signal.name}: {printable(signal.sentence, 240)} "
        f"[{', '.join(signal.evidence)}]"
        for signal in investigation.signals
    ]
    if verdict.runbook:
        lines += ["", "Runbook"]
        lines += [
            f"  {answer.step}. {printable(answer.text, 200)}\n     {answer.state.value}: {printable(answer.answer, 300)}"
            for answer in verdict.runbook
        ]
    lines += ["", "Evidence"]
    for entry in investigation.evidence:
        lines += _evidence(entry)
    if investigation.notes:
        lines += ["", "Notes", *(f"  {printable(text, 300)}" for text in investigation.notes)]
    usage = investigation.usage
    lines += [
        "",
        f"run {printable(investigation.run_id, 80)}, "
        f"{(investigation.finished_at - investigation.started_at).total_seconds():.1f} s, "
        f"{usage.queries} queries, {usage.turns} model turns, {usage.prompt_tokens + usage.completion_tokens} tokens",
    ]
    return "\n".join(lines)


def _finding(checked: CheckedFinding) -> str:
    cited = ", ".join(dict.fromkeys(citation.evidence for citation in checked.finding.citations))
    mark = "+" if checked.verified else "x"
    text = f"  {mark} {checked.number}. [{checked.finding.direction.value}] {printable(checked.finding.text, 400)} [{cited}]"
    return "\n".join(
        [text, *(f"      {issue.code.value}: {printable(issue.message, 300)}" for issue in checked.issues)]
    )


def _evidence(entry: Evidence) -> list[str]:
    count = f"{entry.row_count} rows{' (cut)' if entry.truncated else ''}"
    outcome = f"no answer: {printable(entry.error, 200)}" if entry.error else count
    lines = [f"  {entry.id} {printable(entry.question, 200)}: {outcome}"]
    if entry.sql:
        lines.append(f"     SQL: {printable(' '.join(entry.sql.split()), 2000)}")
    for row in entry.rows[:ROWS_SHOWN]:
        cells = (f"{printable(str(key), 40)}={printable(str(value), CELL)}" for key, value in list(row.items())[:12])
        lines.append("     " + ", ".join(cells))
    gaps = entry.coverage.gaps
    if gaps and entry.answered and not entry.row_count:
        lines.append(f"     absence unproven: {printable('; '.join(gaps), 300)}")
    return lines
