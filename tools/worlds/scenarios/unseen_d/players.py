"""Who of the parent company plays in these scenarios."""

from functools import partial

from tools.worlds.company import Presence
from tools.worlds.scenarios.stage import Stage
from tools.worlds.scenarios.unseen.case import staff as any_staff

PLAYERS: set[tuple[str, int]] = set()
"""Team and place; of their own, since the other unseen sets look up who is free by theirs."""

staff = partial(any_staff, players=PLAYERS)


def nearby(stage: Stage) -> Presence:
    """An address that no log has named before, in the town where the person works."""
    return Presence(stage.scribe.company.addresses.take(), stage.person.office)
