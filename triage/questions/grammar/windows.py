"""When: the time around the alert that a clause names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from triage.domain.question import Window
from triage.questions.grammar.tokens import Token

_UNITS = {
    "s": ("s", 1), "sec": ("s", 1), "second": ("s", 1), "m": ("m", 1), "min": ("m", 1), "minute": ("m", 1),
    "h": ("h", 1), "hr": ("h", 1), "hour": ("h", 1), "d": ("d", 1), "day": ("d", 1), "week": ("d", 7),
    "month": ("d", 30), "quarter": ("d", 90), "year": ("d", 365),
}  # fmt: skip
_MOST = {"s": 99_999, "m": 99_999, "h": 87_600, "d": 3_650}
"""Ten years, or what an edge may hold."""
_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "ten": 10, "twelve": 12,
    "a": 1, "an": 1, "single": 1,
}  # fmt: skip
_AMOUNT = re.compile(r"(\d{1,4})(?:\s*[-\u2013]\s*(\d{1,4}))?-?([a-z]+)?")
_PAST = frozenset({"past", "last", "previous", "prior", "preceding"})
_NEXT = frozenset({"next", "following", "subsequent", "ensuing"})
_BEFORE = frozenset({"before", "prior", "preceding", "leading", "earlier"})
_AFTER = frozenset({"after", "following"})
_AROUND = frozenset({"around", "surrounding"})
_LEADS = frozenset({"in", "within", "over", "during", "for", "from", "across", "throughout", "on", "at"})
_FILLERS = frozenset(
    {"the", "this", "a", "an", "approximately", "about", "immediately", "directly", "same", "full", "at", "least"}
)
_SPANS = frozenset({"window", "period", "timeframe", "span", "interval", "timespan", "time", "range"})
_HISTORY = frozenset({"history", "baseline", "lookback"})
_ANCHORS = frozenset(
    """alert event incident detection trigger activity action change login sign-in attempt update grant access export
    upload call request query commit push reset transfer share sharing invite compromise finding timestamp time failure
    behavior act scan launch command release attack spray copy download import burst reboot takeover policy-change
    link breach hour error first_event""".split()  # noqa: SIM905
)
"""What a window may be around, beside nouns of acts: in a runbook each is what the alert is about."""
_ACT_ENDINGS = ("tion", "ment", "sion", "val", "ance", "ure", "ing", "_event", "_hour", "_time")
_STOPS = frozenset(
    """to , that which and or by for from on in ( ) using with focusing targeting across including such against - :
    \u2014""".split()  # noqa: SIM905
)
_PASSIVE = frozenset(
    {"was", "were", "is", "got", "occurred", "fired", "triggered", "happened", "has", "had", "began", "started"}
)
_MAX_ANCHOR = 8


@dataclass(frozen=True, slots=True)
class Found:
    """A window and how many tokens say it."""

    window: Window
    size: int


def _window(start: str, end: str) -> Window:
    return Window.model_validate({"from": start, "to": end})


HISTORY = _window("history", "-0s")
SINCE = _window("-0s", "now")
NEAR = _window("-24h", "+24h")
"""Where a text says only that it was about then, or nothing."""


class _Reader:
    """Reads a window from a place in a clause."""

    def __init__(self, tokens: Sequence[Token], at: int) -> None:
        self.tokens = tokens
        self.at = at

    @property
    def low(self) -> str:
        return self.tokens[self.at].low if self.at < len(self.tokens) else ""

    def skip(self, words: frozenset[str]) -> bool:
        start = self.at
        while self.low in words:
            self.at += 1
        return self.at > start

    def take(self, *words: str) -> bool:
        if [token.low for token in self.tokens[self.at : self.at + len(words)]] != list(words):
            return False
        self.at += len(words)
        return True

    def amount(self) -> tuple[str, str] | None:
        """`24 hours`, `24-hour`, `7d`, `48-72 hours`, `hour`: the far and the near end, without a sign."""
        start = self.at
        match = _AMOUNT.fullmatch(self.low)
        near: str | None = None
        if match:
            far = match[1]
            if match[2]:
                near, far = sorted((match[1], match[2]), key=int)
            unit = match[3]
            self.at += 1
        elif self.low in _NUMBERS or (self.low.partition("-")[0] in _NUMBERS and "-" in self.low):
            word, _, unit = self.low.partition("-")
            far = str(_NUMBERS[word])
            self.at += 1
        else:
            far, unit = "1", ""
        if not match and not unit and self.low.rstrip("s") not in _UNITS and self.low not in _UNITS:
            self.at = start
            return None
        if match and not near and self.low in ("to", "-", "\u2013", "and") and self.at + 1 < len(self.tokens):
            upper = _AMOUNT.fullmatch(self.tokens[self.at + 1].low)
            if upper and not unit and not upper[2]:
                near, far, unit = far, upper[1], upper[3]
                self.at += 2
        if not unit:
            unit = self.low
            self.at += 1
        known = _UNITS.get(unit) or _UNITS.get(unit.rstrip("s"))
        if known is None or int(far) == 0 or int(far) * known[1] > _MOST[known[0]]:
            self.at = start
            return None
        written = f"{int(far) * known[1]}{known[0]}"
        return written, f"{int(near) * known[1]}{known[0]}" if near else ""

    def anchor(self) -> bool:
        """What the window is around: nothing, or the alert's act. False if it is something else."""
        end = self.at
        while end < len(self.tokens) and self.tokens[end].low not in _STOPS and end - self.at < _MAX_ANCHOR:
            end += 1
        words = self.tokens[self.at : end]
        if not words or self._is_act(words):
            self.at = end
            return True
        # `before the alert triggered by ...`: only as much as names the act.
        for size in range(len(words) - 1, 0, -1):
            if self._is_act(words[:size]):
                self.at += size
                return True
        return False

    @staticmethod
    def _is_act(words: Sequence[Token]) -> bool:
        last = words[-1]
        singular = last.low.rstrip("s")
        if (
            last.low in _ANCHORS
            or singular in _ANCHORS
            or singular.endswith(_ACT_ENDINGS)
            or words[0].low.endswith("ing")
        ):
            return True
        if any(word.low in _PASSIVE for word in words[1:]):
            return True
        inner = last.text[1:]
        return last.text[:1].isupper() and inner != inner.lower() and inner != inner.upper()


def window_at(tokens: Sequence[Token], at: int) -> Found | None:
    """The window that begins at a token, with its preposition; nothing where no window that is understood does."""
    for form in (_counted, _open, _about_then):
        reader = _Reader(tokens, at)
        window = form(reader)
        if window is not None:
            return Found(window, reader.at - at)
    return None


def _counted(reader: _Reader) -> Window | None:
    """Windows with a number and a unit."""
    led = reader.skip(_LEADS)
    reader.skip(_FILLERS)
    past, following = reader.low in _PAST, reader.low in _NEXT
    if past or following:
        reader.at += 1
    start = reader.at
    amount = reader.amount()
    if amount is None:
        return None
    far, near = amount
    if far.startswith("1") and reader.at == start:
        return None
    if (
        reader.low == "of"
        and reader.at + 1 < len(reader.tokens)
        and reader.tokens[reader.at + 1].low in _HISTORY | {"historical"}
    ):
        reader.at += 2
        return _window(f"-{far}", "-0s")
    if reader.low in _HISTORY:
        reader.at += 1
        return _window(f"-{far}", "-0s")
    reader.skip(_SPANS)
    if past:
        return _window(f"-{far}", f"-{near or '0s'}") if _may_anchor(reader, _BEFORE) else None
    if following:
        return _window(f"+{near}" if near else "-0s", f"+{far}") if _may_anchor(reader, _AFTER) else None
    return _sided(reader, far, near, led=led)


def _may_anchor(reader: _Reader, directions: frozenset[str]) -> bool:
    """`in the past 24 hours before the alert`: the direction said twice."""
    if reader.low not in directions:
        return True
    reader.at += 1
    return reader.anchor()


def _sided(reader: _Reader, far: str, near: str, *, led: bool) -> Window | None:
    reader.skip(_SPANS | frozenset({"immediately", "directly", "both", "shortly"}))
    if reader.take("on", "either", "side") or reader.low in _AROUND or (led and reader.low == "of"):
        if reader.low in _AROUND or reader.low == "of":
            reader.at += 1
        return _window(f"-{far}", f"+{far}") if reader.anchor() else None
    if reader.low in _BEFORE:
        reader.at += 1
        reader.skip(frozenset({"to", "up"}))
        if reader.low in ("and", "or", "/", "&"):
            return _both(reader, far)
        if not reader.anchor():
            return None
        return _window(f"-{far}", f"-{near or '0s'}")
    if reader.low in _AFTER:
        reader.at += 1
        if (
            reader.low in ("and", "or", "/", "&")
            and reader.tokens[reader.at + 1 : reader.at + 2]
            and reader.tokens[reader.at + 1].low in _BEFORE
        ):
            reader.at += 2
            return _window(f"-{far}", f"+{far}") if reader.anchor() else None
        return _window(f"+{near}" if near else "-0s", f"+{far}") if reader.anchor() else None
    return None


def _both(reader: _Reader, far: str) -> Window | None:
    """`before and after`, `before and 2 hours after`."""
    reader.at += 1
    reader.skip(_FILLERS)
    second = reader.amount() if reader.low not in _AFTER else None
    if reader.low not in _AFTER:
        return None
    reader.at += 1
    return _window(f"-{far}", f"+{second[0] if second else far}") if reader.anchor() else None


def _open(reader: _Reader) -> Window | None:
    """Windows without a number: `previously`, `since the alert`, `before this event`."""
    for words in (("in", "the", "past"), ("in", "the", "recent", "past"), ("over", "time"), ("in", "history")):
        if reader.take(*words):
            return HISTORY if not reader.low[:1].isdigit() else None
    if reader.low in ("previously", "historically", "ever"):
        reader.at += 1
        return HISTORY
    reader.skip(frozenset({"immediately", "shortly", "directly", "soon", "right"}))
    if reader.low in ("before", "prior", "since", "after", "following", "subsequent"):
        after = reader.low in ("since", "after", "following", "subsequent")
        listed = reader.at and reader.tokens[reader.at - 1].low == "the"
        reader.at += 1
        if listed or (reader.tokens[reader.at - 1].low == "subsequent" and reader.low != "to"):
            return None
        if not after and reader.low in ("and", "or"):
            return None
        reader.skip(frozenset({"to"}))
        start = reader.at
        if reader.anchor() and reader.at > start:
            return SINCE if after else HISTORY
    return None


def _about_then(reader: _Reader) -> Window | None:
    """`near this deletion`, `around the time of the alert`, `in the same time window`."""
    for lead in (
        ("in", "the", "same"),
        ("within", "the", "same"),
        ("during", "the", "same"),
        ("around", "the", "same"),
    ):
        if reader.take(*lead):
            start = reader.at
            reader.skip(_SPANS)
            return NEAR if reader.at > start else None
    for words in (("near",), ("around",), ("close", "to"), ("at",)):
        if reader.take(*words):
            timed = reader.take("the", "time", "of") or reader.take("the", "time", "that")
            start = reader.at
            if words == ("at",) and not timed:
                return None
            return NEAR if reader.anchor() and reader.at > start else None
    return None
