"""Which of an alert's comments this program wrote."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from triage.domain.report import Marker, digest, find_marker
from triage.ports import Comment, Receipt

_TOKEN = "api-token"  # noqa: S105 - Panther's word for an actor
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class OwnComment:
    """A comment that this program wrote."""

    comment: Comment
    marker: Marker | None
    """`None` where only the receipt says that it is ours."""

    def holds(self, body: str, receipt: Receipt | None) -> bool:
        """Whether it already holds that body; a server may have changed the markup."""
        if self.comment.body == body:
            return True
        wanted = find_marker(body)
        if wanted is not None and self.marker is not None:
            return (self.marker.run, self.marker.digest) == (wanted.run, wanted.digest)
        if receipt is None or receipt.state != "done" or receipt.comment_id != self.comment.id:
            return False
        return receipt.digest == digest(body)

    def points_at(self, other: "OwnComment", relation: str) -> bool:
        """Whether its marker says that it `replaces` or `repeats` the other one."""
        marker = self.marker
        return marker is not None and marker.relation == relation and marker.concerns(other.comment.id)


def own_comments(comments: Iterable[Comment], alert_id: str, receipt: Receipt | None) -> tuple[OwnComment, ...]:
    """The comments that end with our marker for this alert and that a token wrote, oldest first, each once.

    A person who quotes the marker does not make a comment ours. The one that the receipt names always is.
    """
    found: dict[str, OwnComment] = {}
    for comment in comments:
        marker = find_marker(comment.body)
        marked = marker is not None and marker.is_for(alert_id) and _by_token(comment)
        if marked or (receipt is not None and receipt.comment_id == comment.id):
            found[comment.id] = OwnComment(comment, marker if marked else None)
    return tuple(sorted(found.values(), key=lambda own: (own.comment.created_at or _LONG_AGO, own.comment.id)))


def current(own: Sequence[OwnComment]) -> tuple[OwnComment, ...]:
    """Those that should hold the result: neither replaced by another nor a repetition of one. Oldest first."""
    live = tuple(
        each
        for each in own
        if not any(other.points_at(each, "replaces") for other in own if other is not each)
        and not any(each.points_at(other, "repeats") for other in own)
    )
    return live or tuple(own[:1])


def _by_token(comment: Comment) -> bool:
    # The REST definition lists the kinds of actor under `id`, so the kind may be in either place.
    return _TOKEN in (comment.created_by.kind, comment.created_by.id)
