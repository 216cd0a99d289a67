"""The fit of confidences to outcomes, in the store; `triage eval agreement --calibrate` makes it."""

from datetime import datetime

from pydantic import ValidationError

from triage.domain.calibration import ConfidenceMap
from triage.errors import StoreError
from triage.ports import Values

NAME = "calibration"


async def load_fit(values: Values) -> ConfidenceMap | None:
    """The fit in use; `None` if there is none. Raises StoreError, also if the fit is unreadable."""
    stored = await values.get(NAME)
    if stored is None:
        return None
    try:
        return ConfidenceMap.model_validate(stored)
    except ValidationError as error:
        raise StoreError("the stored calibration cannot be read; `triage eval agreement --forget` drops it") from error


async def save_fit(values: Values, fit: ConfidenceMap | None, *, now: datetime) -> None:
    """Use a fit from now on, or none."""
    await values.put(NAME, None if fit is None else fit.model_dump(mode="json"), now=now)
