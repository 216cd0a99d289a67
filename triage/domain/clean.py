"""Foreign text made safe to read: on a terminal, in a comment, on a page.

Attackers write log text. Whatever a reader cannot see is shown as an escape, and whatever another program would act on
(a link, a mention, a formula, markup) is broken in a way that a reader still understands:

| in the text | shown as |
|---|---|
| control, bidi, invisible, tag and private characters, odd spaces, lone surrogates, stacked accents | `\\x1b`, `\\u202e`, `\\U000e0041` |
| `https://evil.example/x` | `hxxps://evil[.]example/x` |
| another scheme, `javascript:` | `ftp[:]//`, `javascript[:]` |
| a name that ends like a domain, with or without a mailbox: `evil.com`, `ada@acme.example` | `evil[.]com`, `ada@acme[.]example` |
| `@channel` | `(at)channel`; the `@` inside an e-mail address stays |
| `[text](…)`, `![…](…)`, `[~ada]`, `<script>` | `[text] (…)`, `! […] (…)`, `[ ~ada]`, `< script>` |
| `=cmd`, `+1`, `-x`, `@x` at the start (a number stays) | `'=cmd` |

IP addresses, ARNs, event names and dotted field names stay as they are: no program turns them into links.
The templates escape HTML on top of this.
"""

import regex

ELLIPSIS = "…"

_TLDS = (
    # Generic ones that programs turn into links without a scheme before them, and the reserved ones of RFC 2606.
    "com|net|org|edu|gov|mil|int|arpa|info|biz|name|pro|museum|aero|coop|jobs|mobi|tel|asia|cat|xxx|app|dev|page|cloud"
    "|site|online|store|shop|tech|club|live|life|world|space|website|xyz|top|icu|vip|win|bid|men|loan|click|link|zip"
    "|mov|web|onion|test|example|invalid|localhost|xn--[a-z0-9-]+|рф"
    # Country codes: ISO 3166 and a few besides.
    "|a[cdefgilmnoqrstuwxz]|b[abdefghijmnorstvwyz]|c[acdfghiklmnoruvwxyz]|d[ejkmoz]|e[cegrstu]|f[ijkmor]"
    "|g[abdefghilmnpqrstuwy]|h[kmnrtu]|i[delmnoqrst]|j[emop]|k[eghimnprwyz]|l[abcikrstuvy]|m[acdeghklmnopqrstuvwxyz]"
    "|n[acefgilopruz]|om|p[aefghklmnrstwy]|qa|r[eosuw]|s[abcdeghijklmnorstuvxyz]|t[cdfghjklmnortvwz]|u[agksyz]"
    "|v[aceginu]|w[fs]|y[et]|z[amw]"
)
_DOTS = ".\u3002\uff0e\uff61"
"""The full stop, and what a browser takes for one in a host name."""
_AT = "@\uff20\ufe6b"
_FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20"

_URL = regex.compile(r"(?i)\b(https?)(:+)(/{1,})([^\s/<>\"']*)")
_SCHEME = regex.compile(
    r"(?i)(?<!\bhxxps?)(?<=[a-z0-9+.-]):(?=//)|\b(javascript|vbscript|data|file|mailto|blob|tel|sms|callto|view-source|about):(?=\S)"
)
_WWW = regex.compile(rf"(?i)(?<![^\W_])(www\d{{0,3}})[{_DOTS}](?=[^\W_])")
_DOMAIN = regex.compile(rf"(?i)(?<=[\w\-])[{_DOTS}](?=(?:{_TLDS})(?![^\W_]))")
_MENTION = regex.compile(rf"(?<![\p{{L}}\p{{N}}_])[{_AT}]|[{_AT}](?=[{_AT}])|(?<=[{_AT}])[{_AT}]|[{_AT[1:]}]")
_MARKUP = regex.compile(r"\](?=[(\[:])|!(?=\[)|\[(?=~)|<(?=[\p{L}/!?])")
_NUMBER = regex.compile(r"[+-]?\d+(?:\.\d+)?")
_SPACES = regex.compile(r"\s+")
_ACCENTS = regex.compile(r"(?<=\p{M}{3})\p{M}+")

_UNSEEN = regex.compile(
    # Control, format, unassigned, private and surrogate characters; separators and odd spaces; letters, marks and
    # selectors without a shape, which no category gives away.
    r"[\p{C}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_NOT_PLAIN = frozenset("<>`|")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str, limit: int | None = None) -> str:
    """One line for a terminal: everything that is invisible or that a terminal acts on is a visible escape.

    Args:
        text: Anything.
        limit: Characters kept; a cut text ends with `…` and is that long. `None`: all of them.
    """
    # Escapes only make a text longer, so that no more of it is needed.
    kept = _UNSEEN.sub(_escaped, text if limit is None else text[: limit + 1])
    kept = _ACCENTS.sub(_escaped, kept)
    return kept if limit is None or len(kept) <= limit else kept[: max(limit - 1, 0)] + ELLIPSIS


def printable_sentence(text: str, limit: int) -> str:
    """As `printable`, with line breaks and runs of spaces as one space: for sentences rather than for log values."""
    return printable(_SPACES.sub(" ", text[: limit * 4]).strip(), limit)


def safe_value(text: str, limit: int) -> str:
    """A log value for a comment or a page: as `printable`, with every link, mention, formula and markup broken.

    The limit counts the characters before they are broken up; the result may be longer by the brackets.
    """
    return _defanged(printable(text, limit))


def safe_sentence(text: str, limit: int) -> str:
    """A sentence for a comment or a page: as `printable_sentence`, with every link, mention, formula and markup broken."""
    return _defanged(printable_sentence(text, limit))


def plain(value: str, limit: int = 80) -> str:
    """An entity value or action name as it may stand in a sentence of code's: printable, short, no markup."""
    shown = value
    if not (value.isprintable() and _NOT_PLAIN.isdisjoint(value)):
        shown = "".join(letter if letter.isprintable() and letter not in _NOT_PLAIN else "?" for letter in value)
    return shown if len(shown) <= limit else shown[: limit - 1] + ELLIPSIS


def sentences(text: str, number: int) -> str:
    """The first sentences of a text."""
    parts = regex.split(r"(?<=[.!?])\s+(?=[\p{Lu}\p{N}])", text.strip())
    return " ".join(parts[:number])


def indent_formulas(lines: str) -> str:
    """Plain text whose lines cannot start a formula where they are pasted into a table: such a line is indented."""
    return "\n".join(f" {line}" if line[:1] in _FORMULA and line else line for line in lines.split("\n"))


def _escaped(match: "regex.Match[str]") -> str:
    return "".join(map(_escape, match.group()))


def _escape(letter: str) -> str:
    code = ord(letter)
    if letter in _NAMED:
        return _NAMED[letter]
    if code <= 0xFF:  # noqa: PLR2004 - the range of \x
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the range of \u


def _defanged(text: str) -> str:
    text = _URL.sub(_url, text)
    text = _SCHEME.sub(r"\1[:]", text)
    text = _WWW.sub(r"\1[.]", text)
    text = _DOMAIN.sub("[.]", text)
    text = _MENTION.sub("(at)", text)
    # Last, since the brackets above could complete a link.
    text = _MARKUP.sub(r"\g<0> ", text)
    return f"'{text}" if text[:1] in _FORMULA and text and not _NUMBER.fullmatch(text) else text


def _url(match: "regex.Match[str]") -> str:
    scheme, colon, slashes, host = match.groups()
    host = regex.sub(rf"[{_DOTS}]", "[.]", host)
    return f"{scheme[0]}{'xx' if scheme[1] == 't' else 'XX'}{scheme[3:]}{colon}{slashes}{host}"
