"""The section `web`: the team's pages, and who may open them."""

from ipaddress import ip_network
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from triage.settings.section import Section
from triage.settings.values import OptionalEndpoint, OptionalSecret, empty_for_none

MIN_TOKEN = 20
"""Characters below which guessing could succeed: failed attempts are logged, not counted."""


def _network(value: str) -> str:
    try:
        network = ip_network(value)
    except ValueError as error:
        raise ValueError("write an address or a network, such as 127.0.0.1 or 10.20.0.0/28") from error
    if network.prefixlen == 0:
        raise ValueError("this trusts everyone to say who they are; write the address of the proxy")
    return str(network)


def check_token(text: str) -> None:
    """Refuse a token that could be guessed or is no HTTP header. Raises ValueError."""
    if len(text) < MIN_TOKEN or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"write at least {MIN_TOKEN} characters without spaces; `openssl rand -hex 24` makes some")


def hard_to_guess(value: SecretStr) -> SecretStr:
    """A secret that a header can carry. Raises ValueError if it is short or has a space."""
    if value.get_secret_value():
        check_token(value.get_secret_value())
    return value


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.path or parts.query or parts.fragment:
        raise ValueError("write scheme and host only, such as https://triage.example.com")
    return value


class WebSettings(Section):
    token: Annotated[OptionalSecret, AfterValidator(hard_to_guess)] = SecretStr("")
    """What people sign in with, and scripts send as `Authorization: Bearer`; empty: neither."""
    url: Annotated[OptionalEndpoint, AfterValidator(_origin)] = ""
    """Where people reach the pages, without a path; empty: at the address that is listened on."""
    user_header: Annotated[str, BeforeValidator(empty_for_none), Field(pattern=r"^[A-Za-z0-9-]*$")] = ""
    """The header in which a proxy names who has signed in there; empty: none is believed."""
    trusted_proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    """Addresses or networks from which `user_header` is believed."""

    @model_validator(mode="after")
    def _guards(self) -> Self:
        if self.user_header and not (self.trusted_proxies and self.url):
            raise ValueError(
                "user_header: set trusted_proxies (who may send it) and url (where people reach the pages) as well"
            )
        if self.trusted_proxies and not self.user_header:
            raise ValueError("trusted_proxies: set user_header, the header in which they name who has signed in")
        return self

    @property
    def guarded(self) -> bool:
        """Whether anything is asked of who opens a page."""
        return bool(self.token.get_secret_value() or self.user_header)
