"""The HTML page of one alert, as `show`, `investigate` and `demo` write it."""

from collections.abc import Sequence

from triage.domain.verdict import Investigation
from triage.edges.prompts import load_prompts
from triage.ports import AlertRecord
from triage.settings import Settings
from triage.stages.reporting.page import Turn, page


def alert_page(
    settings: Settings, record: AlertRecord, investigation: Investigation, turns: Sequence[Turn] = ()
) -> str:
    """One investigation as an HTML document, with the model's conversation if there was one. Raises PromptError."""
    return page(
        record.alert,
        record,
        investigation,
        prompts=load_prompts(settings.investigation.prompts),
        console_url=settings.writeback.console_url,
        currency=settings.llm.currency,
        zone=settings.report.timezone,
        transcript=turns,
    )
