"""The rules of a generated world, and the engine that raises its alerts by running them."""

from tools.worlds.sets import Set

from . import (
    rules_access,
    rules_aws,
    rules_cloud,
    rules_code,
    rules_okta,
    unseen_aws,
    unseen_c,
    unseen_d,
    unseen_taken_over,
    unseen_work,
)
from .rule import Detection, Kind

DETECTIONS: tuple[Detection, ...] = (*rules_aws.DETECTIONS, *rules_okta.DETECTIONS, *rules_code.DETECTIONS)
"""Those of the demo."""
ALL: tuple[Detection, ...] = (*DETECTIONS, *rules_cloud.DETECTIONS, *rules_access.DETECTIONS)
"""Those of the evaluation set."""
UNSEEN: tuple[Detection, ...] = (*ALL, *unseen_aws.DETECTIONS, *unseen_work.DETECTIONS, *unseen_taken_over.DETECTIONS)
"""Those of the sets that are kept apart."""
UNSEEN_C: tuple[Detection, ...] = (*ALL, *unseen_c.DETECTIONS)
"""Those of the set that was made later."""
UNSEEN_D: tuple[Detection, ...] = (*ALL, *unseen_d.DETECTIONS)
"""Those of the one made after it."""
RULES = tuple(detection for detection in ALL if detection.kind is Kind.RULE)
"""Those that run on every event."""


def of(which: Set) -> tuple[Detection, ...]:
    """The rules of a set."""
    if which is Set.UNSEEN_C:
        return UNSEEN_C
    if which is Set.UNSEEN_D:
        return UNSEEN_D
    if which.unseen:
        return UNSEEN
    return ALL if which is Set.EVALUATION else DETECTIONS
