"""Labelled stories, in pairs that raise alike alerts, and the ordinary history that each pair needs.

A scenario writes what happened into the lake; whether a rule raises an alert on it is the rules' affair. What tells the
two of a pair apart lies in the lake: what came before, what followed, who else does it, and from where.
"""

from triage.sandbox.generator.cast import Cast
from triage.sandbox.generator.lake import Scribe

from . import documents, identity, keys, network, pipelines, repositories, signins
from .scenario import Scenario

_MODULES = (pipelines, keys, identity, signins, repositories, documents, network)

SCENARIOS: tuple[Scenario, ...] = tuple(scenario for module in _MODULES for scenario in module.SCENARIOS)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def play(scribe: Scribe, cast: Cast) -> None:
    """Write the history that the scenarios rest on, then every scenario."""
    for module in _MODULES:
        module.history(scribe.aside("history", module.__name__), cast)
    for scenario in SCENARIOS:
        own = Scribe(scribe.company, scribe.lake, scribe.dice.child(scenario.name), scenario.name)
        scenario.play(own, cast)
