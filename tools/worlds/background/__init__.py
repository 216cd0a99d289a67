"""Ordinary life: what fills the logs when nothing happens."""

from tools.worlds.branch import Branch
from tools.worlds.lake import Scribe

from . import branch as taken_over
from . import machines, network, office, unrest


def fill(scribe: Scribe, branch: Branch | None = None) -> None:
    """Write the logs of the whole period, without any scenario; those of the company taken over where there is one."""
    for part in (office, machines, network, unrest):
        part.fill(scribe.aside(part.__name__.rpartition(".")[2]))
    if branch is not None:
        taken_over.fill(scribe.aside("branch"), branch)
