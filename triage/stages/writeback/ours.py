"""Which comments of an alert are this program's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from triage.domain.report import Marker, digest, find_marker
from triage.ports import Comment, Receipt

_TOKEN = "api-token"  # noqa: S105 - Panther's word for an actor
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Own:
    """A comment of this program."""

    comment: Comment
    marker: Marker | None
    """None where the receipt alone tells that it is ours."""

    def says(self, body: str, receipt: Receipt | None) -> bool:
        """Whether it holds that body already; a server may have changed the markup."""
        if self.comment.body == body:
            return True
        wanted = find_marker(body)
        if wanted is not None and self.marker is not None:
            return (self.marker.run, self.marker.digest) == (wanted.run, wanted.digest)
        known = receipt is not None and receipt.state == "done" and receipt.comment_id == self.comment.id
        return known and receipt is not None and receipt.digest == digest(body)


def own_comments(comments: Iterable[Comment], alert_id: str, receipt: Receipt | None) -> tuple[Own, ...]:
    """The comments that end with our marker for this alert and that a token wrote, oldest first, each once.

    A person who quotes the marker does not make a comment ours. The one that the receipt names is ours anyway.
    """
    found: dict[str, Own] = {}
    for comment in comments:
        marker = find_marker(comment.body)
        marked = marker is not None and marker.is_for(alert_id) and _by_token(comment)
        if marked or (receipt is not None and receipt.comment_id == comment.id):
            found[comment.id] = Own(comment, marker if marked else None)
    return tuple(sorted(found.values(), key=lambda own: (own.comment.created_at or _LONG_AGO, own.comment.id)))


def current(own: Sequence[Own]) -> tuple[Own, ...]:
    """Those that should hold the result: neither replaced by another nor a repetition of one. Oldest first."""
    ids = {each.comment.id for each in own}
    live = tuple(
        each
        for each in own
        if not any(
            other.marker is not None and other.marker.relation == "replaces" and other.marker.concerns(each.comment.id)
            for other in own
            if other is not each
        )
        and not (
            each.marker is not None
            and each.marker.relation == "repeats"
            and any(each.marker.concerns(name) for name in ids)
        )
    )
    return live or tuple(own[:1])


def _by_token(comment: Comment) -> bool:
    # The REST definition lists the kinds of actor under `id`, so that either place may hold it.
    return _TOKEN in (comment.created_by.kind, comment.created_by.id)
