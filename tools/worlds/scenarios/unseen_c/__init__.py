"""A further set of scenarios for a measurement, written without sight of rules, playbooks, prompts or thresholds."""

from tools.worlds.scenarios.unseen.case import Case

from . import accounts, clouds, code, desk, network, warehouse

CASES: tuple[Case, ...] = (
    *accounts.CASES,
    *network.CASES,
    *desk.CASES,
    *code.CASES,
    *clouds.CASES,
    *warehouse.CASES,
)
