"""Words of a server, made fit for one line of a log."""

from dataclasses import dataclass, field

MASK = "***"
_LIMIT = 200


def printable(text: str, limit: int = _LIMIT) -> str:
    """One line of at most `limit` characters, everything invisible or dangerous to a terminal as a visible escape."""
    # Escapes grow the text, so that much of it is enough.
    flat = " ".join(text[: limit * 8].split())
    shown = "".join(letter if letter.isprintable() else _escaped(letter) for letter in flat)
    return shown if len(shown) <= limit and len(text) <= limit * 8 else shown[: limit - 1] + "…"


def _escaped(letter: str) -> str:
    return f"\\x{ord(letter):02x}" if letter.isascii() else letter.encode("ascii", "backslashreplace").decode()


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Cuts, escapes and masks what Panther says before it goes anywhere."""

    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Texts that never pass, such as the token."""

    def clean(self, text: str, *, also: tuple[str, ...] = (), limit: int = _LIMIT) -> str:
        """Mask the secrets and the texts in `also`, then make the rest printable.

        Masking comes first: a cut must not leave the first half of a secret.
        """
        for secret in sorted((*self.secrets, *also), key=len, reverse=True):
            if secret:
                text = text.replace(secret, MASK)
        return printable(text, limit)
