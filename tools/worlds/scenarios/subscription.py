"""Azure: diagnostic settings that are deleted."""

from datetime import timedelta

from tools.worlds.cast import Cast
from tools.worlds.lake import LogType, Scribe
from tools.worlds.records import azure

from .stage import Stage, part, past

UNSEEN = ("diagnostics/unseen", "diagnostics/unfinished")
SILENCE_AFTER = timedelta(minutes=1)
"""How long after the later of the undecidable alerts the log falls silent: before what followed on the earlier one."""

_SETTING = "rg-data/providers/Microsoft.Storage/storageAccounts/shopfiles/providers/Microsoft.Insights/diagnosticSettings/audit"
_STORAGE = "rg-data/providers/Microsoft.Storage/storageAccounts/shopfiles"


def history(scribe: Scribe, cast: Cast) -> None:
    """Settings are deleted and written again when the template changes, by everybody of the team."""
    for person, days_ago in zip(cast.branch.colleagues["cloud"], (23, 14, 9, 3), strict=True):
        _renew(past(scribe.aside("renewed"), cast, person, days_ago))
    for name, days_ago in (("renewed", 18), ("blinded", 19)):
        _renew(past(scribe.aside("renewed"), cast, cast.branch.part(f"diagnostics/{name}").person, days_ago))


def _do(stage: Stage, minutes: tuple[float, float], operation: str, resource: str) -> None:
    at = stage.after(*minutes)
    azure.activity(stage.scribe, stage.branch, at, stage.person, stage.where, operation, resource, decisive=True)


def _delete(stage: Stage) -> None:
    _do(stage, (0, 0), "Microsoft.Insights/diagnosticSettings/delete", _SETTING)


def _renew(stage: Stage) -> None:
    _delete(stage)
    _do(stage, (5, 7), "Microsoft.Insights/diagnosticSettings/write", _SETTING)
    _do(stage, (8, 12), "Microsoft.Storage/storageAccounts/write", _STORAGE)


def renewed(stage: Stage) -> None:
    """Written again minutes later."""
    _renew(stage)


def blinded(stage: Stage) -> None:
    """Not written again; the keys of the storage account are read instead."""
    _delete(stage)
    _do(stage, (5, 7), "Microsoft.Storage/storageAccounts/listKeys/action", _STORAGE)
    _do(stage, (8, 12), "Microsoft.Storage/storageAccounts/listAccountSas/action", _STORAGE)


SCENARIOS = (
    part(
        "diagnostics/renewed",
        "benign",
        "Written again within minutes, as this person and the team did before.",
        renewed,
        team="cloud",
        hours_ago=12,
    ),
    part(
        "diagnostics/blinded",
        "malicious",
        "Not written again; the storage account's keys are read, which nobody ever did.",
        blinded,
        team="cloud",
        hours_ago=12,
    ),
    part(
        UNSEEN[1],
        "benign",
        "The log falls silent minutes later: whether the setting was written again is in no log.",
        renewed,
        team="cloud",
        hours_ago=5,
        silent=LogType.AZURE,
    ),
    part(
        UNSEEN[0],
        "malicious",
        "The log falls silent minutes later: whether the setting was written again is in no log.",
        blinded,
        team="cloud",
        hours_ago=5,
        silent=LogType.AZURE,
    ),
)
