"""Choices that depend on a key and on nothing else.

A keyed hash in counter mode stands in for a random generator: its bytes are the same on every Python version, and a
child stream is named, so that adding a draw in one place moves nothing elsewhere.
"""

from collections.abc import Sequence
from datetime import timedelta
from hashlib import blake2b
from struct import unpack
from typing import TypeVar

T = TypeVar("T")

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class Dice:
    """An endless stream of draws, fixed by its key."""

    __slots__ = ("_count", "_key", "_words")

    def __init__(self, *key: str | int) -> None:
        self._key = "\x1f".join(str(part) for part in key)
        self._count = 0
        self._words: list[int] = []

    def child(self, *key: str | int) -> "Dice":
        """A stream of its own, which takes nothing from this one."""
        return Dice(self._key, *key)

    def _block(self) -> bytes:
        self._count += 1
        return blake2b(f"{self._key}\x1e{self._count}".encode()).digest()

    def _word(self) -> int:
        if not self._words:
            self._words = list(unpack(">8Q", self._block()))
        return self._words.pop()

    def between(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both included."""
        return low + self._word() % (high - low + 1)

    def fraction(self) -> float:
        """A number from 0 up to, not including, 1, in steps of a millionth."""
        return (self._word() % 1_000_000) / 1_000_000

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.fraction() < probability

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, each as likely."""
        return options[self._word() % len(options)]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """All of the options in another order."""
        rest = list(options)
        return [rest.pop(self._word() % len(rest)) for _ in range(len(rest))]

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """`count` different options (all of them where there are fewer)."""
        return self.shuffled(options)[:count]

    def seconds(self, low: float, high: float) -> timedelta:
        """A span between two numbers of seconds, to the millisecond."""
        return timedelta(milliseconds=self.between(int(low * 1000), int(high * 1000)))

    def minutes(self, low: float, high: float) -> timedelta:
        """A span between two numbers of minutes, to the millisecond."""
        return self.seconds(low * 60, high * 60)

    def hex(self, length: int) -> str:
        """Lower-case hexadecimal digits, 128 at most."""
        return self._block().hex()[:length]

    def base32(self, length: int) -> str:
        """Capitals and digits as they stand in AWS unique ids, 64 at most."""
        return "".join([_BASE32[byte % 32] for byte in self._block()[:length]])

    def digits(self, length: int) -> str:
        """Decimal digits, 64 at most, the first of them not zero."""
        first, *rest = self._block()[:length]
        return f"{first % 9 + 1}" + "".join([f"{byte % 10}" for byte in rest])

    def uuid(self) -> str:
        """A UUID in the form of version 4."""
        digits = self.hex(32)
        variant = "89ab"[int(digits[16], 16) % 4]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
