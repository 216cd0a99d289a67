"""The rules of a generated world, and the engine that raises its alerts by running them."""

from . import rules_aws, rules_code, rules_okta
from .rule import Detection, Kind

DETECTIONS: tuple[Detection, ...] = (*rules_aws.DETECTIONS, *rules_okta.DETECTIONS, *rules_code.DETECTIONS)
RULES = tuple(detection for detection in DETECTIONS if detection.kind is Kind.RULE)
"""Those that run on every event."""
