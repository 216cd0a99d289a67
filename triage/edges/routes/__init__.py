"""Where results are sent on to: chat, mail, paging and webhooks through apprise, and Jira through its REST API.

apprise needs the extra `routes`; it is imported when a destination is opened, since that takes a fifth of a second.
"""

from triage.edges.routes.open import open_destination

__all__ = ["open_destination"]
