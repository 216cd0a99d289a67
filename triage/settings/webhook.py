"""The section `webhook`: where Panther announces its alerts."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from triage.settings.section import Section
from triage.settings.values import OptionalSecret
from triage.settings.web import hard_to_guess


class WebhookSettings(Section):
    secret: Annotated[OptionalSecret, AfterValidator(hard_to_guess)] = SecretStr("")
    """What Panther's Custom Webhook destination sends in the header `X-Triage-Secret`; empty: no call is taken."""

    @property
    def enabled(self) -> bool:
        """Whether calls are taken, where `triage run --listen` serves at all."""
        return bool(self.secret.get_secret_value())
