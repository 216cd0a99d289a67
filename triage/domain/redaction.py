"""Secrets are removed from every text before it reaches a prompt, the journal or a report.

A label takes the place of each and says what it was: `[redacted GitHub token #3fa9c1]`. The label of a token or key
carries six digits of its hash, so that a reader can see whether two records hold the same one, whatever its encoding; a
password's doesn't, since a short password could be guessed from them. What identifies someone stays: access key ids,
user names, ARNs, account numbers, hashes of files.

The text itself is read (`secret_patterns`), then what its percent signs, base64 and hexadecimal runs decode to, and the JSON
that it may be.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from itertools import islice
from urllib.parse import unquote

import regex
from pydantic import JsonValue

from triage.domain.alert import Alert
from triage.domain.base import Row
from triage.domain.encodings import decode_base64, text_of
from triage.domain.later import later
from triage.domain.own_secrets import OWN
from triage.domain.secret_patterns import LABEL, MARK, names_secret, replace_secrets, replace_value

_SHORTEST = 6
_DEEPEST = 4
"""Nested encodings that are read."""
_LONGEST_JSON = 400_000
_MOST_JSON = 16
"""Places of a text at which JSON is looked for."""
_PAIR_KEYS = 4
"""Keys of a record that may be a pair of name and value."""
_PAIR_NAMES = ("name", "key", "parameterkey", "parametername", "variable", "header")
_PAIR_VALUES = ("value", "parametervalue", "stringvalue", "newvalue")

_DECODER = json.JSONDecoder()
_JSON_BEGINS = later(r"[{\[]\s{0,9}[\"{\[]")
_PERCENT = later(r"%[0-9A-Fa-f]{2}")
_PERCENTED = later(r"[^\s\"'<>\\%]{0,2000}+(?:%[0-9A-Fa-f]{2}[^\s\"'<>\\%]{0,2000}+)++")
_BASE64 = later(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{16,}+={0,2}")
_RUN = re.compile(r"[A-Za-z0-9+/_-]{16}")
"""Without one there is neither base64 nor hexadecimal to read; the standard library's is the faster for that."""
_JOINT = later(r"[/_-]")
_PART = later(r"[A-Za-z0-9+]{16,}+={0,2}")
_HEX = later(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}){12,}+(?![0-9A-Za-z])")
_PAIR = later(r"[\w.@+\\-]{2,64}:(?=[^\s:]{6,128}\Z)(?=.*[^\d.:/-])[!-~]+")
"""`user:password`, the whole of it."""
_NO_PAIR = later(
    r"(?i)\A(?:arn|urn|https?|cursor|ref|id|next|offset|page|sha\d+|user|v\d|\d+):|\A[\w-]+:(?:\d[\d:.TZ+-]*|[a-z][a-z-]*)\Z"
)
_INVISIBLE = later("[\u00ad\u034f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]")
_KEY_ID = later(r"(?:AKIA|ASIA)[A-Z0-9]{16}")
_KEY_ID_LENGTH = 20
_CLOUD_SECRET = later(r"(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])[A-Za-z0-9/+]{40}")
_OPTION = later(
    r"(?i)--?/?(?:[\w-]{0,30}[-_])?(?:pw|pass|passwd|password|passphrase|secret|token|api-?key|client-secret)"
)
_MYSQL = later(r"(?i)(?:mysql|mariadb|sshpass)")
_JOINED = later(r"-p[^\s-]\S{3,}")
_USER = later(r"(?:-u|--user|--proxy-user)")
_LONGEST_ARGUMENTS = 400
_PEM_BEGIN, _PEM_END = "PRIVATE KEY", "-----END"
_DER_KEYS = (b"\x02\x01\x00", b"\x02\x01\x01\x04")
"""How a PKCS #1, PKCS #8 or SEC 1 private key goes on behind its outer header."""


@lru_cache(maxsize=8_192)
def redact(text: str) -> str:
    """Replace the secrets in a text by labels such as `[redacted GitHub token #3fa9c1]`.

    Recognised are tokens of known issuers, JSON web tokens, private keys, `Authorization` values, cookies, passwords
    and signatures in URLs, connection strings, AWS secret keys, and what is assigned to a name such as `password` or
    `api_key`; as written, and in percent, base64 or hexadecimal encoding or as JSON within the text. Doing it twice
    changes nothing.
    """
    return _redact(text, 0)


def know_own_secrets(secrets: Iterable[str]) -> None:
    """Replace these, the configured ones, wherever a text is redacted from now on, in every usual encoding."""
    if OWN.add(secrets):
        redact.cache_clear()


def forget_own_secrets() -> None:
    """Replace none of them any more; for tests."""
    OWN.forget()
    redact.cache_clear()


def _redact(text: str, depth: int) -> str:
    if len(text) < _SHORTEST:
        return text
    text = OWN.replace(text)
    if depth == 0 and not text.isascii() and _INVISIBLE.search(text):
        # A token in pieces, between which nothing shows.
        joined = _INVISIBLE.sub("", text)
        cleaned = _redact(joined, depth + 1)
        if cleaned != joined:
            return cleaned
    if depth < _DEEPEST:
        if text[:1] in "{[" and text[-1:] in "}]" and len(text) <= _LONGEST_JSON:
            text = _as_json(text, depth)
        elif len(text) <= _LONGEST_JSON and _JSON_BEGINS.search(text):
            text = _with_json(text, depth)
        if _PERCENT.search(text):
            text = _PERCENTED.sub(partial(_unquoted, depth), text)
    text = replace_secrets(text)
    if depth < _DEEPEST and _RUN.search(text):
        text = _BASE64.sub(partial(_unpacked, depth), text)
        text = _HEX.sub(partial(_unhexed, depth), text)
    return text


# ---- encodings ---------------------------------------------------------------------------------------------------


def _as_json(text: str, depth: int) -> str:
    """A text that is JSON, with the secrets in its own texts replaced; the same text if there are none."""
    try:
        value = json.loads(text)
        cleaned = _redact_json(value, "", depth + 1)
    except (ValueError, RecursionError):
        # No JSON, or nested beyond any log's need: read as plain text.
        return text
    return text if cleaned == value else json.dumps(cleaned, ensure_ascii=False)


def _with_json(text: str, depth: int) -> str:
    """A text with JSON amid its words, such as a title that quotes a request."""
    parts: list[str] = []
    read = ends = 0
    for begins in islice(_JSON_BEGINS.finditer(text), _MOST_JSON):
        if begins.start() < ends:
            continue
        try:
            value, ends = _DECODER.raw_decode(text, begins.start())
            cleaned = _redact_json(value, "", depth + 1)
        except (ValueError, RecursionError):
            continue
        if cleaned != value:
            parts += [text[read : begins.start()], json.dumps(cleaned, ensure_ascii=False)]
            read = ends
    return "".join(parts) + text[read:]


def _unquoted(depth: int, match: "regex.Match[str]") -> str:
    """A run with percent signs: decoded if it holds a secret, otherwise as it was."""
    text = str(match.group())
    plain = unquote(text)
    cleaned = _redact(plain, depth + 1)
    return text if cleaned == plain else cleaned


def _unpacked(depth: int, match: "regex.Match[str]") -> str:
    """A run of base64: the labels of the secrets that it holds, otherwise as it was."""
    text = str(match.group())
    labels = _base64_labels(text, depth)
    if labels:
        return labels
    # A path may come before it: its alphabet is base64's.
    return str(_PART.sub(partial(_unpacked_part, depth), text)) if _JOINT.search(text) else text


def _unpacked_part(depth: int, match: "regex.Match[str]") -> str:
    text = str(match.group())
    return _base64_labels(text, depth) or text


def _base64_labels(text: str, depth: int) -> str:
    """The labels of the secrets in a run of base64; empty if there are none."""
    raw = decode_base64(text)
    if raw.startswith(b"openssh-key-v1") or (raw[:1] == b"\x30" and any(key in raw[2:12] for key in _DER_KEYS)):
        return f"{MARK}private key]"
    plain = text_of(raw)
    if _PAIR.fullmatch(plain) and not _NO_PAIR.search(plain):
        return f"{MARK}encoded credentials]"
    return _labels(plain, depth)


def _unhexed(depth: int, match: "regex.Match[str]") -> str:
    text = str(match.group())
    return _labels(text_of(bytes.fromhex(text)), depth) or text


def _labels(plain: str, depth: int) -> str:
    """The labels in a decoded text once it is redacted: the same as for the secrets in plain text."""
    if not plain:
        return ""
    cleaned = _redact(plain, depth + 1)
    if cleaned == plain:
        return ""
    return " ".join(dict.fromkeys(LABEL.findall(cleaned))) or f"{MARK}encoded secret]"


# ---- JSON --------------------------------------------------------------------------------------------------------


def redact_json(value: JsonValue, name: str = "") -> JsonValue:
    """Replace the secrets in every text of a JSON value, and in its keys.

    Args:
        value: Any JSON; it is not changed.
        name: The key under which it stands; a text under `password`, `sessionToken`, `cookie`, … goes whole.
    """
    return _redact_json(value, name, 0)


def _redact_json(value: JsonValue, name: str, depth: int) -> JsonValue:
    if isinstance(value, str):
        if names_secret(name):
            return replace_value(value, name)
        return redact(value) if depth == 0 else _redact(value, depth)
    if isinstance(value, list):
        return [_redact_json(item, name, depth) for item in _arguments(value)]
    if isinstance(value, dict):
        value = _without_cloud_secret(value)
        named = _named(value)
        found: dict[str, JsonValue] = {}
        for key, item in value.items():
            if item is None or isinstance(item, int | float):
                # Most values of a row; no call is spent on them.
                found[redact(key)] = item
            elif named == key:
                found[redact(key)] = _replaced_below(item)
            else:
                found[redact(key)] = _redact_json(item, key, depth)
        return found
    return value


def _named(value: Mapping[str, JsonValue]) -> str:
    """The key of the secret in a pair such as `{"name": "DB_PASSWORD", "value": "…"}`; empty if there is none."""
    if len(value) > _PAIR_KEYS:
        return ""
    names = {key.lower(): key for key in value}
    name = next((value[names[key]] for key in _PAIR_NAMES if key in names), None)
    if not isinstance(name, str) or not names_secret(name):
        return ""
    return next((names[key] for key in _PAIR_VALUES if key in names), "")


def _replaced_below(value: JsonValue) -> JsonValue:
    """Every text of the value of such a pair."""
    if isinstance(value, str):
        return replace_value(value, "password")
    if isinstance(value, list):
        return [_replaced_below(item) for item in value]
    return {key: _replaced_below(item) for key, item in value.items()} if isinstance(value, dict) else value


def _without_cloud_secret(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """A record that names an access key's id holds its secret under any name."""
    if not any(isinstance(item, str) and _KEY_ID.fullmatch(item) for item in value.values()):
        return value
    return {
        key: replace_value(item, "secret") if isinstance(item, str) and _CLOUD_SECRET.fullmatch(item) else item
        for key, item in value.items()
    }


def _names(name: str, value: str) -> bool:
    """Whether a pair is a header with its secret; two actions or two words are none."""
    return names_secret(name) and ":" not in name and any(letter.isdigit() for letter in value)


def _arguments(items: list[JsonValue]) -> list[JsonValue]:
    """A list with the secrets that only the item before tells: a command's arguments, a key's lines, a header's pair."""
    if not 1 < len(items) <= _LONGEST_ARGUMENTS or not any(isinstance(item, str) for item in items):
        return items
    found: list[JsonValue] = []
    before, in_key = "", False
    mysql = any(isinstance(item, str) and _MYSQL.search(item) for item in items[:3])
    ids = any(isinstance(item, str) and _KEY_ID.fullmatch(item) for item in items)
    pair = len(items) == 2  # noqa: PLR2004 - name and value
    for item in items:
        text = item if isinstance(item, str) else ""
        starts = "-----BEGIN" in text and _PEM_BEGIN in text
        if text and in_key:
            found.append(f"{MARK}private key]")
            in_key = not text.startswith(_PEM_END)
        elif text and (_OPTION.fullmatch(before) or (pair and _names(before, text))) and not text.startswith("-"):
            found.append(replace_value(text, "password"))
        elif text and _USER.fullmatch(before) and ":" in text:
            found.append(f"{text.partition(':')[0]}:{MARK}password]")
        elif text and ids and _CLOUD_SECRET.fullmatch(text):
            found.append(replace_value(text, "secret"))
        elif text and mysql and _JOINED.fullmatch(text):
            found.append(f"-p{MARK}password]")
        else:
            in_key = in_key or (starts and _PEM_END not in text)
            found.append(item)
        before = text
    return found


def redact_row(row: Row) -> dict[str, JsonValue]:
    """Replace the secrets in one record of the lake."""
    cleaned = redact_json(dict(row))
    assert isinstance(cleaned, dict)
    return cleaned


def without_secrets(alert: Alert) -> Alert:
    """An alert without the secrets in its own texts: a rule's title and context quote the event."""
    if _is_plain(alert):
        return alert
    dumped = alert.model_dump(mode="json")
    cleaned = redact_json(dumped)
    return alert if cleaned == dumped else Alert.model_validate(cleaned)


def _is_plain(alert: Alert) -> bool:
    """Whether each text of an alert that only has texts is as it would be without secrets; most of a backlog are such.

    No name under which they stand is that of a secret. What one text tells of another is in no such alert.
    """
    if alert.context or alert.context_tags or alert.notes:
        return False
    texts = [alert.id, alert.title, alert.description, alert.runbook, alert.reference]
    texts += [each.value for each in (alert.severity, alert.status, alert.kind, alert.quality) if each is not None]
    for part in (alert.origin, alert.assignee, alert.updated_by):
        if part is not None:
            texts += vars(part).values()
    if any(_KEY_ID.fullmatch(text) for text in texts if len(text) == _KEY_ID_LENGTH):
        return False
    return list(map(redact, texts)) == texts
