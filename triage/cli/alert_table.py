"""The table of `triage list`. Foreign text is cleaned on its way."""

from collections.abc import Container, Mapping, Sequence

import click

from triage.cli.common import VERDICT_COLOURS, table
from triage.domain.clean import printable
from triage.domain.verdict import confidence_word
from triage.ports import AlertRecord, Spend
from triage.stages.reporting.records import why_text


def alert_table(records: Sequence[AlertRecord], spends: Mapping[str, Spend] | None = None, currency: str = "") -> str:
    """One line per alert: verdict, confidence, time, why it was selected or not; linked alerts follow their leader.

    Args:
        records: The alerts.
        spends: What model calls have cost, by alert ID; there are columns for it if anything was spent.
        currency: Currency of the money.
    """
    if not records:
        return "no alerts seen yet"
    records = _grouped(records)
    ids = {record.alert.id for record in records}
    costs = _costs([(spends or {}).get(record.alert.id, Spend()) for record in records], printable(currency, 12))
    head = ("alert", "severity", "title", "state", "verdict", "conf.", "seconds", *costs[0], "why")
    rows = []
    for record, cost in zip(records, costs[1:], strict=True):
        *cells, why = _cells(record, ids)
        rows.append((*cells, *cost, why))
    why_column, title_column, verdict_column = len(head) - 1, 2, 4
    return "\n".join(table(rows, head, shrink=(why_column, title_column), paint={verdict_column: _painted}))


def _painted(cell: str) -> str:
    """A verdict in its colour, in the parentheses of a linked alert too."""
    return click.style(cell, fg=VERDICT_COLOURS.get(cell.strip(" ()")))


def _costs(spends: Sequence[Spend], currency: str) -> list[tuple[str, ...]]:
    """Titles and cells of the cost columns: none, tokens, or tokens and money."""
    if not any(spend.calls for spend in spends):
        return [()] * (len(spends) + 1)
    tokens = ["tokens", *(f"{spend.tokens:,}" if spend.calls else "" for spend in spends)]
    if not any(spend.money for spend in spends):
        return [(cell,) for cell in tokens]
    money = [currency, *(f"{spend.money:.2f}" if spend.calls else "" for spend in spends)]
    return list(zip(tokens, money, strict=True))


def _grouped(records: Sequence[AlertRecord]) -> list[AlertRecord]:
    """The same records, each linked alert after its leader where that is listed too."""
    ids = {record.alert.id for record in records}
    followers: dict[str, list[AlertRecord]] = {}
    for record in records:
        if record.leader is not None and record.leader in ids:
            followers.setdefault(record.leader, []).append(record)
    below = {record.alert.id for group in followers.values() for record in group}
    ordered: list[AlertRecord] = []
    for record in records:
        if record.alert.id not in below:
            ordered += (record, *followers.pop(record.alert.id, ()))
    # Alerts linked to a linked alert are listed too.
    return ordered + [record for group in followers.values() for record in group]


def _cells(record: AlertRecord, ids: Container[str | None]) -> tuple[str, ...]:
    verdict = record.verdict.value if record.verdict else ""
    return (
        ("+ " if record.leader in ids else "") + printable(record.alert.id, 40),
        printable(record.alert.severity.value, 8),
        printable(record.alert.title, 44),
        record.state.value,
        f"({verdict})" if verdict and record.leader is not None else verdict,
        confidence_word(record.confidence) if record.confidence is not None else "",
        f"{record.seconds:.1f}" if record.seconds is not None else "",
        printable(why_text(record), 90),
    )
