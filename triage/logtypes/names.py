"""What the words in an action's name say of it, for log types whose file lists no harmful actions.

Names come in many styles: `DeleteBucket`, `user.lifecycle.delete.initiated`, `member_removed`, `storage.buckets.delete`,
`delete pods/`, `Delete group`.
"""

import re
from dataclasses import dataclass

from triage.logtypes.schema import Harm

NAME_WORDS_SQL = "CONCAT(' ', LOWER(REGEXP_REPLACE(REGEXP_REPLACE({}, '([a-z0-9])([A-Z])', '\\\\1 \\\\2'), '[^A-Za-z0-9]+', ' ')), ' ')"
"""As `name_words`, for the lake."""


def name_words(action: str) -> str:
    """The words of an action's name in lower case, each between spaces: `DeleteBucket` is ` delete bucket `."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", action)
    return f" {re.sub(r'[^A-Za-z0-9]+', ' ', parted).lower()} "


@dataclass(frozen=True, slots=True)
class _Guess:
    """A kind of harm that a name tells of: it has a word of `verbs` and, where there are some, one of `objects`."""

    harm: Harm
    seriousness: float
    verbs: frozenset[str]
    objects: frozenset[str] = frozenset()

    def fits(self, words: frozenset[str]) -> bool:
        return bool(words & self.verbs) and (not self.objects or bool(words & self.objects))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OFF = _words(
    "disable disabled deactivate deactivated delete deleted remove removed destroy destroyed bypass bypassed suspend suspended"
)
_ON = _words("create created add added generate generated issue issued register registered enable enabled new")
_GIVE = _words("grant granted assign assigned promote promoted elevate elevated add added transfer transferred")
# In this order: what blinds is told first.
_GUESSES = (
    _Guess(
        Harm.EVASION,
        0.8,
        _OFF,
        _words(
            "mfa 2fa factor policy policies log logs logging audit alert alerts detection detections rule rules sso saml scim "
            "allowlist whitelist restriction restrictions protection monitor monitoring firewall encryption dlp retention"
        ),
    ),
    _Guess(Harm.PRIVILEGE, 0.8, _GIVE, _words("role roles admin admins owner ownership permission permissions privilege privileges")),
    _Guess(
        Harm.PERSISTENCE,
        0.7,
        _ON,
        _words("token tokens key keys secret secrets credential credentials password oauth webhook integration idp identity provider"),
    ),
    _Guess(Harm.CREDENTIALS, 0.7, _words("view viewed reveal revealed export exported reset"), _words("secret secrets key keys password passwords credential credentials")),
    _Guess(Harm.EXPOSURE, 0.7, _words("public publish published share shared"), frozenset()),
    _Guess(Harm.DESTRUCTION, 0.8, _words("delete deleted destroy destroyed purge purged wipe wiped"), _words("organization organisation workspace account tenant project database cluster repository vault backup backups")),
    _Guess(Harm.COLLECTION, 0.7, _words("export exported exports dump dumped"), frozenset()),
)  # fmt: skip


def guessed_harm(action: str) -> tuple[Harm, float] | None:
    """The kind of harm that the words of a name tell of, and how grave it is; `None` where they tell of none."""
    words = _words(name_words(action))
    return next(((guess.harm, guess.seriousness) for guess in _GUESSES if guess.fits(words)), None)


__all__ = ["NAME_WORDS_SQL", "guessed_harm", "name_words"]
