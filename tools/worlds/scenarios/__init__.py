"""Labelled stories, in pairs that raise alike alerts, and the ordinary history that each pair needs.

A scenario writes what happened into the lake; whether a rule raises an alert on it is the rules' affair. What tells the
two of a pair apart lies in the lake: what came before, what followed, who else does it, and from where.
"""

from collections.abc import Sequence
from datetime import datetime
from types import ModuleType

from tools.worlds.branch import Branch
from tools.worlds.cast import Cast
from tools.worlds.lake import LogType, Record, Scribe
from tools.worlds.sets import Set

from . import (
    cluster,
    documents,
    entra,
    google_cloud,
    guessing,
    identity,
    keys,
    laptops,
    network,
    pipelines,
    releases,
    repositories,
    signins,
    subscription,
    unseen,
    unseen_c,
    unseen_d,
    vaults,
    warehouse,
)
from .scenario import Scenario
from .unseen.case import Case

_MODULES = (pipelines, keys, identity, signins, repositories, documents, network)
_MORE = (entra, google_cloud, cluster, laptops, vaults, warehouse, subscription, releases, guessing)


def _stories(modules: Sequence[ModuleType]) -> tuple[Scenario, ...]:
    return tuple(scenario for module in modules for scenario in module.SCENARIOS)


SCENARIOS: tuple[Scenario, ...] = _stories(_MODULES)
"""Those of the demo."""
ALL: tuple[Scenario, ...] = _stories((*_MODULES, *_MORE))
"""Those of the evaluation set."""
UNSEEN: tuple[Scenario, ...] = tuple(scenario for case in unseen.CASES for scenario in case.scenarios)
"""Those kept apart from the others, of which no rule or threshold was made."""
UNSEEN_C: tuple[Scenario, ...] = tuple(scenario for case in unseen_c.CASES for scenario in case.scenarios)
"""Those made later, apart from all of the above."""
UNSEEN_D: tuple[Scenario, ...] = tuple(scenario for case in unseen_d.CASES for scenario in case.scenarios)
"""Those made after them, apart from them, too."""
BY_NAME = {scenario.name: scenario for scenario in (*ALL, *UNSEEN, *UNSEEN_C, *UNSEEN_D)}

UNNOTICED = frozenset({LogType.VAULT_SIGN_IN})
"""Log types whose silence Panther has not noticed: their source is shown as healthy."""


def _cases(which: Set) -> tuple[Case, ...]:
    """The cases of an unseen set."""
    if which is Set.UNSEEN_C:
        return unseen_c.CASES
    return unseen_d.CASES if which is Set.UNSEEN_D else unseen.of(which)


def of(which: Set) -> tuple[Scenario, ...]:
    """The scenarios of a set."""
    if which.unseen:
        return tuple(scenario for case in _cases(which) for scenario in case.scenarios)
    return ALL if which is Set.EVALUATION else SCENARIOS


def play(scribe: Scribe, cast: Cast, which: Set = Set.DEMO) -> None:
    """Write the history that the scenarios rest on, then every scenario."""
    if which.unseen:
        for case in _cases(which):
            case.history(scribe.aside("history", case.pair), cast)
    else:
        for module in (*_MODULES, *_MORE) if which is Set.EVALUATION else _MODULES:
            module.history(scribe.aside("history", module.__name__), cast)
    for scenario in of(which):
        own = Scribe(scribe.company, scribe.lake, scribe.dice.child(scenario.name), scenario.name)
        scenario.play(own, cast)


def silences(branch: Branch) -> dict[LogType, datetime]:
    """When which sources of the company that was taken over stop to deliver."""
    return {
        LogType.AZURE: max(branch.part(name).at for name in subscription.UNSEEN) + subscription.SILENCE_AFTER,
        LogType.VAULT_SIGN_IN: min(branch.part(name).at for name in vaults.UNSEEN) - vaults.SILENCE_BEFORE,
    }


def allowed(cast: Cast) -> list[Record]:
    """The operator's list, as `investigation.allowed` in the configuration takes it."""
    return [cluster.allowed(cast), *warehouse.allowed(cast), guessing.allowed(cast)]
