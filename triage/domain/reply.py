"""What a person answers to an alert's comment: `triage: benign because …`, `triage: malicious`, `triage: again`."""

import html
from enum import StrEnum
from typing import Literal

import regex

from triage.domain.alert import Moment
from triage.domain.base import Value
from triage.domain.clean import printable_sentence
from triage.domain.redaction import redact

REASON = 300
"""Characters of a reason."""
HINT = "triage: benign because …, triage: malicious, or triage: again"
"""How a comment says what can be answered. Repeated word for word it is no answer."""
_LONGEST = 4_000
"""Characters of a comment that are read."""
_OURS = "triage-marker:"
_QUOTE = regex.compile(r"<blockquote\b(?:.*</blockquote\s*>|.*)", regex.IGNORECASE | regex.DOTALL)
"""From the first quotation to the end of the last: what stands between two is lost rather than taken for an answer."""
_BREAK = regex.compile(r"<(?:/?(?:p|div|li|ul|ol|pre|h[1-6]|tr|table)|br)\b[^<>]{0,200}>", regex.IGNORECASE)
_TAG = regex.compile(r"<[^<>]{0,2000}>")
_COMMAND = regex.compile(
    r"triage\s?:\s{0,3}(?P<command>benign|malicious|again)(?:\s+because\s+(?P<reason>.+))?\s*[.!]?", regex.IGNORECASE
)
_BEGUN = regex.compile(r"triage\s?:", regex.IGNORECASE)


class Command(StrEnum):
    BENIGN = "benign"
    MALICIOUS = "malicious"
    AGAIN = "again"
    """Investigate anew."""


class Reply(Value):
    """An answer, as it was read once; what its author makes of the comment later changes nothing."""

    comment_id: str
    command: Command
    reason: str = ""
    by: str
    """E-mail address of the user, or their id where Panther doesn't give it."""
    at: Moment
    """When the comment was written."""
    run_id: str = ""
    """The run whose comment was answered."""
    taken: bool = False
    """The mark is made, and the alert is queued."""

    @property
    def label(self) -> Literal["malicious", "benign"] | None:
        """What the alert is marked; `None`: it is investigated again."""
        match self.command:
            case Command.BENIGN:
                return "benign"
            case Command.MALICIOUS:
                return "malicious"
            case Command.AGAIN:
                return None


def reply_key(alert_id: str) -> str:
    """The named value of the store that has an alert's last reply."""
    return f"reply/{alert_id}"


def read_command(body: str, *, is_html: bool) -> tuple[Command, str] | None:
    """The command and the reason of a comment; `None` where it is no answer.

    Its first line that is no quotation has to be the command and nothing else, and there must be no second one. A comment
    that holds the marker of one of ours, quoted or copied, is no answer.
    """
    text = body[:_LONGEST]
    if is_html:
        text = html.unescape(_TAG.sub("", _BREAK.sub("\n", _QUOTE.sub("\n", text))))
    if _OURS in body or _OURS in text:
        return None
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith((">", "|"))]
    if not lines or sum(len(_BEGUN.findall(line)) for line in lines) != 1:
        return None
    found = _COMMAND.fullmatch(lines[0])
    if found is None:
        return None
    reason = printable_sentence(redact(found["reason"] or ""), REASON)
    if found["reason"] and not any(letter.isalnum() for letter in reason):
        # The hint, as it stands in our comment.
        return None
    return Command(found["command"].lower()), reason
