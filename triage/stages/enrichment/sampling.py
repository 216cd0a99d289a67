"""Which of an alert's many events are kept: at least one of each kind, the rare ones first.

Panther lists events by arrival. Whoever sends a hundred harmless ones first must not push the decisive one out.
"""

from collections.abc import Sequence
from itertools import chain, zip_longest

from triage.domain.base import Row
from triage.logtypes import terms_of
from triage.stages.enrichment.actor import take

READ = 10
"""Events read for each that is kept."""
_TELLING = ("actor", "action", "address")
_INDICATORS = ("p_any_usernames", "p_any_emails", "p_any_actor_ids", "p_any_aws_arns", "p_any_ip_addresses")


def keep_rare(rows: Sequence[Row], limit: int) -> tuple[tuple[Row, ...], bool]:
    """Choose events.

    Args:
        rows: As Panther lists them.
        limit: How many to keep.

    Returns:
        The chosen ones in the same order, and whether each kind of event (actor, act and address) is among them.
    """
    if len(rows) <= limit:
        return tuple(rows), True
    kinds: dict[tuple[str, ...], list[int]] = {}
    for number, row in enumerate(rows):
        kinds.setdefault(_kind(row), []).append(number)
    by_rarity = sorted(kinds.values(), key=len)
    in_turn = chain.from_iterable(zip_longest(*by_rarity))
    chosen = sorted([number for number in in_turn if number is not None][:limit])
    return tuple(rows[number] for number in chosen), len(kinds) <= limit


def _kind(row: Row) -> tuple[str, ...]:
    terms = terms_of(str(row.get("p_log_type") or ""))
    if "actor" not in terms:
        return tuple(str(row.get(column) or "") for column in _INDICATORS)
    return tuple(take(row, terms[name].take) for name in _TELLING if name in terms)
