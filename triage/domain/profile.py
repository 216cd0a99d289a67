"""What Panther's identity providers say of a person. Source: Panther GraphQL schema, `ActorProfile`."""

from triage.domain.alert import Moment
from triage.domain.base import Value


class ActorProfile(Value):
    """One person or account. Postal addresses and phone numbers, which Panther has too, are not read."""

    id: str
    names: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    usernames: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    job_titles: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    employment: tuple[str, ...] = ()
    """In the provider's own words, such as `active` or `terminated`; one for each provider that says so."""
    first_observed_at: Moment | None = None
    last_login_at: Moment | None = None
