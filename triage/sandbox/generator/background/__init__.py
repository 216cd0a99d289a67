"""Ordinary life: what fills the logs when nothing happens."""

from triage.sandbox.generator.lake import Scribe

from . import machines, network, office, unrest


def fill(scribe: Scribe) -> None:
    """Write the logs of the whole period, without any scenario."""
    for part in (office, machines, network, unrest):
        part.fill(scribe.aside(part.__name__.rpartition(".")[2]))
