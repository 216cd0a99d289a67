"""A further set of scenarios for a measurement, made after `unseen_c` and, like it, without sight of what judges them."""

from tools.worlds.scenarios.unseen.case import Case

from . import accounts, apps, clouds, code, laptops, network, signins

CASES: tuple[Case, ...] = (
    *signins.CASES,
    *accounts.CASES,
    *network.CASES,
    *code.CASES,
    *apps.CASES,
    *clouds.CASES,
    *laptops.CASES,
)
