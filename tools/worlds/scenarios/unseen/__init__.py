"""Scenarios for a measurement on cases that no rule, playbook or threshold was made on."""

from tools.worlds.sets import Set

from . import (
    accounts,
    clouds,
    code,
    directory,
    functions,
    laptops,
    okta_admin,
    repositories,
    storage,
    warehouse,
    workspace,
)
from .case import Case

CASES: tuple[Case, ...] = (
    *accounts.CASES,
    *storage.CASES,
    *functions.CASES,
    *okta_admin.CASES,
    *code.CASES,
    *repositories.CASES,
    *workspace.CASES,
    *directory.CASES,
    *clouds.CASES,
    *warehouse.CASES,
    *laptops.CASES,
)
"""All of them."""


def of(which: Set) -> tuple[Case, ...]:
    """The cases of the whole set, or of a half."""
    return CASES if which is Set.UNSEEN else tuple(case for case in CASES if case.half is which)
