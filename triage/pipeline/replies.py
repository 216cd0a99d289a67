"""Answers in Panther's comments: found, marked, and acknowledged in our comment.

An alert whose verdict hangs on a person is open until somebody marks it. With each poll the comments of some open alerts
are read. An answer is stored, the alert is queued to write its comment anew, and the mark is made last; a process that
dies in between is followed by one that finds the same answer, and each step but the last changes nothing the second time.
The comment, the status and their receipts are the run's own business (`publisher`).
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from triage.domain.alert import Actor
from triage.domain.reply import Command, Reply, read_command, reply_key
from triage.domain.verdict import Disposition
from triage.errors import NotFound, PantherError
from triage.ports import AlertRecord, Clock, Comment, Comments, State, Store, Users, Values
from triage.settings import RepliesSettings

log = logging.getLogger(__name__)

PER_POLL = 20
"""Alerts whose comments are read with one poll, in turn: a request each, or more where there are more than 50 comments."""
MOST_OPEN = 300
"""Alerts that are open at the same time; of more, the newest."""
MOST_READ = 2_000
"""Alerts with a verdict that are looked through for open ones, the newest first."""
ASKED = frozenset({Disposition.INCONCLUSIVE, Disposition.SUSPICIOUS})
"""Verdicts that hang on a person."""
_NEXT = "replies/next"
_KINDS = frozenset({"user", "api-token", "system"})


@dataclass(frozen=True, slots=True)
class ReplyReader:
    """Reads and takes answers. Used by the process that polls."""

    comments: Comments
    users: Users
    store: Store
    settings: RepliesSettings
    clock: Clock

    async def read(self, proceed: Callable[[], Awaitable[bool]]) -> int:
        """Read the comments of the open alerts whose turn it is; returns how many answers were taken.

        Args:
            proceed: Called before each alert; false ends the reading.

        Raises:
            StoreError: The state database cannot be used.
        """
        taken, last = 0, ""
        for record in await self._turn():
            if not await proceed():
                break
            try:
                taken += await self._one(record)
            except NotFound:
                log.info("no replies read: the alert is gone", extra={"alert_id": record.alert.id})
            except PantherError as error:
                # The poll, which came before, says more of a Panther that is away.
                log.warning("no replies read", extra={"alert_id": record.alert.id, "error": str(error)})
                break
            last = record.alert.id
        if last:
            await self.store.values.put(_NEXT, last, now=self.clock.now())
        return taken

    async def _turn(self) -> list[AlertRecord]:
        """The open alerts to look at now: those after the last one that was looked at, around the circle."""
        since = self.clock.now() - self.settings.within
        done = await self.store.records.newest(ended_since=since, states=(State.DONE,), limit=MOST_READ)
        asked = [record for record in done if record.verdict in ASKED][:MOST_OPEN]
        marked = {mark.alert_id for mark in await self.store.records.marks(only=[each.alert.id for each in asked])}
        found = sorted((each for each in asked if each.alert.id not in marked), key=lambda each: each.alert.id)
        last = await self.store.values.get(_NEXT)
        behind = [each for each in found if isinstance(last, str) and each.alert.id <= last]
        return [*found[len(behind) :], *behind][:PER_POLL]

    async def _one(self, record: AlertRecord) -> bool:
        alert_id, values = record.alert.id, self.store.values
        receipt = await values.receipt(f"comment:{alert_id}")
        if receipt is None or not receipt.comment_id:
            return False
        comments = await self.comments.list(alert_id)
        before = await stored_reply(values, alert_id)
        found = newest_reply(comments, alert_id, own_id=receipt.comment_id)
        if found is None or (before is not None and not _is_newer(found, before)):
            return False
        if before is None or before.comment_id != found.comment_id:
            found = found.model_copy(update={"by": await self._name(found.by), "run_id": record.run_id})
        else:
            # Read by a process that ended before it had taken it. What was read then counts.
            found = before
        return await self._take(alert_id, found)

    async def _take(self, alert_id: str, reply: Reply) -> bool:
        store, now = self.store, self.clock.now()
        await store.values.put(reply_key(alert_id), reply.model_dump(mode="json"), now=now)
        record = await store.records.find(alert_id)
        if record is None or record.state is not State.DONE:
            # It is worked on meanwhile; the next poll finds it.
            return False
        if reply.command is not Command.AGAIN:
            await store.queue.enqueue(alert_id, now=now, fresh=False)
        elif record.run_id == reply.run_id:
            await store.queue.enqueue(alert_id, now=now, fresh=True)
        if reply.label is not None:
            await store.records.mark(alert_id, reply.label, reply.reason, by=reply.by, now=reply.at)
        taken = reply.model_copy(update={"taken": True})
        await store.values.put(reply_key(alert_id), taken.model_dump(mode="json"), now=now)
        facts = {"alert_id": alert_id, "reply": reply.command.value, "person": reply.by}
        log.info("reply taken", extra={"event": "reply taken", **facts})
        return True

    async def _name(self, user_id: str) -> str:
        """The e-mail address of a user; the id where it isn't known."""
        try:
            users = await self.users.users()
        except PantherError as error:
            log.warning("who replied has no name", extra={"error": str(error)})
            return user_id
        return next((user.email for user in users if user.id == user_id and user.email), user_id)


async def stored_reply(values: Values, alert_id: str) -> Reply | None:
    """The last reply that was read of an alert. Raises StoreError."""
    stored = await values.get(reply_key(alert_id))
    try:
        return None if stored is None else Reply.model_validate(stored)
    except ValidationError:
        return None


def newest_reply(comments: Iterable[Comment], alert_id: str, *, own_id: str) -> Reply | None:
    """The last answer among an alert's comments, by a user's id; `None` where there is none.

    It counts if a user wrote it after our comment, on this alert, and nobody else has edited it.

    Args:
        comments: All of the alert.
        alert_id: The alert.
        own_id: Our comment, which asked.
    """
    listed = tuple(comments)
    asked_at = next((each.created_at for each in listed if each.id == own_id), None)
    if asked_at is None:
        return None
    found: list[Reply] = []
    for comment in listed:
        if comment.id == own_id or comment.alert_id != alert_id or not _by_user(comment.created_by):
            continue
        if comment.created_at is None or comment.created_at <= asked_at or _edited_by_another(comment):
            continue
        # A server may say in which format a comment was submitted, and give it as HTML all the same.
        is_html = comment.format == "HTML" or comment.body.lstrip().startswith("<")
        said = read_command(comment.body, is_html=is_html)
        if said is not None:
            command, reason = said
            by = comment.created_by.id
            found.append(Reply(comment_id=comment.id, command=command, reason=reason, by=by, at=comment.created_at))
    return max(found, key=lambda each: (each.at, each.comment_id), default=None)


def _by_user(actor: Actor) -> bool:
    # The REST definition lists the kinds of actor under `id`; there, nothing says which user it is.
    return actor.kind == "user" and bool(actor.id) and actor.id not in _KINDS


def _edited_by_another(comment: Comment) -> bool:
    by = comment.updated_by
    if by is not None:
        return not _by_user(by) or by.id != comment.created_by.id
    # Where nobody is named, a later time alone says that somebody did.
    return comment.updated_at is not None and comment.updated_at != comment.created_at


def _is_newer(found: Reply, before: Reply) -> bool:
    """Whether there is something to do for it: it is another one, and later; or it was read and not taken."""
    if found.comment_id == before.comment_id:
        return not before.taken
    return found.at > before.at
