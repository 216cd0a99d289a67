"""Secrets leave every text before it reaches a prompt, the journal or a report.

What stands in their place says what it was: `[redacted GitHub token #3fa9c1]`. The label of a token or key carries six
digits of its hash, so that a reader can tell whether two records hold the same one, whatever encoding it stood in; a
password's doesn't, since a short password could be guessed from them. What names somebody stays: access key ids, user
names, ARNs, account numbers, hashes of files.

Read are the text itself, what its percent signs, base64 and hexadecimal runs say, and the JSON that it may be.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache, partial
from urllib.parse import unquote

import regex
from pydantic import JsonValue

from triage.domain.base import Row

_MARK = "[redacted "
_SHORTEST = 6
_DEEPEST = 4
"""Encodings in one another that are read."""
_LONGEST_JSON = 400_000
_HARMLESS = frozenset({"hidden_due_to_security_reasons", "redacted", "masked", "true", "false", "null", "none"})

_SECRET_NAMES = frozenset(
    {"authorization", "cookie", "cookies", "setcookie", "passwd", "passphrase", "pwd", "secret", "secretkey", "token"}
    | {"xapikey", "xauthtoken", "xamzsecuritytoken", "samlassertion", "samlresponse", "secretstring", "clientassertion"}
    | {"proxyauthorization", "accountkey", "sharedaccesskey", "sharedaccesssignature", "sastoken", "privatekeypem"}
)
_SECRET_ENDINGS = (
    "password",
    "secretaccesskey",
    "privatekey",
    "sessiontoken",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "authtoken",
    "apitoken",
    "bearertoken",
    "clientsecret",
    "apikey",
    "sessioncookie",
    "connectionstring",
    "secretkey",
)
_PASSWORD_NAMES = ("password", "passwd", "passphrase", "pwd")

_PRIVATE_KEY = regex.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    regex.DOTALL,
)
# Whole tokens that their issuers gave a recognisable shape. Source: the issuers' documentation of token formats.
_TOKENS: tuple[tuple[str, "regex.Pattern[str]"], ...] = (
    ("JSON web token", regex.compile(r"\beyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+)*+")),
    ("AWS session token", regex.compile(r"\b(?:FwoGZXIvYXdz|FQoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9/+=]{16,}+")),
    ("GitHub token", regex.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}+|github_pat_\w{20,}+)")),
    ("GitLab token", regex.compile(r"\bgl(?:pat|ptt|dt|rt|soat|cbt)-[\w-]{16,}+")),
    ("Slack token", regex.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}+|\bxapp-\d-[A-Za-z0-9-]{10,}+")),
    ("Slack webhook", regex.compile(r"\bhooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{16,}+")),
    ("Google API key", regex.compile(r"\bAIza[\w-]{35}")),
    ("Google OAuth token", regex.compile(r"\bya29\.[\w-]{20,}+|\b1//0[\w-]{30,}+|\bGOCSPX-[\w-]{20,}+")),
    ("Stripe key", regex.compile(r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}+|\bwhsec_[A-Za-z0-9]{20,}+")),
    ("API key", regex.compile(r"\bsk-[\w-]{20,}+|\bSG\.[\w-]{16,}+\.[\w-]{16,}+|\bhf_[A-Za-z0-9]{30,}+")),
    ("npm token", regex.compile(r"\bnpm_[A-Za-z0-9]{30,}+")),
    ("PyPI token", regex.compile(r"\bpypi-[\w-]{30,}+")),
    ("Azure client secret", regex.compile(r"(?<![\w~.-])[\w~.-]{3}8Q~[\w~.-]{30,}+")),
    ("Vault token", regex.compile(r"\bhv[sbr]\.[\w-]{20,}+")),
    ("Databricks token", regex.compile(r"\bdapi[0-9a-f]{32}\b")),
    ("DigitalOcean token", regex.compile(r"\bdo[opr]_v1_[0-9a-f]{40,}+")),
    ("Docker token", regex.compile(r"\bdckr_pat_[\w-]{20,}+")),
    ("Atlassian token", regex.compile(r"\bATATT3[\w=-]{30,}+")),
    ("Shopify token", regex.compile(r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b")),
    ("Grafana token", regex.compile(r"\bglsa_[A-Za-z0-9]{20,}+_[0-9a-f]{8}\b")),
    ("Panther token", regex.compile(r"\bpanther_[A-Za-z0-9]{30,}+")),
)
_CREDENTIALS = regex.compile(r"(?i)\b(bearer|basic|ssws|negotiate|digest)(\s++)(?!\[redacted )([\w.~+/=-]{12,}+)")
_COOKIE = regex.compile(r"(?i)\b((?:set-)?cookie\s*+:\s*+)(?!\[redacted )([^\r\n\"']{4,}+)")
_SESSION = regex.compile(
    r"(?i)\b((?:j?sessionid|phpsessid|connect\.sid|asp\.net_sessionid|session|sid|session_id|jwt)=)(?!\[redacted )([^\s;&,\"'\\]{12,}+)"
)
_URL_PASSWORD = regex.compile(
    # The last `@` before the host ends it: a password may hold one.
    r"(?i)(\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"']{0,80}:)(?!\[redacted )([^\s/\"'<>]{1,200})(?=@[\w\[.-])"
)
_URL_SIGNATURE = regex.compile(
    r"(?i)((?:[?&]|^)(?:sig|x-amz-signature|x-amz-security-token|x-goog-signature|signature|code|key|auth|token|jwt|ticket"
    r"|samlresponse|samlrequest|assertion|otp|secret|hmac)=)(?!\[redacted )([^\s&\"'\\]{16,}+)"
)
_ASSIGNMENT = regex.compile(
    r"(?i)(?P<name>\b[\w-]{0,40}?(?:password|passwd|passphrase|pwd|secret[_-]?(?:access[_-]?)?key|client[_-]?secret"
    r"|private[_-]?key|api[_-]?key|account[_-]?key|shared[_-]?access[_-]?(?:key|signature)"
    r"|(?:access|refresh|session|auth|id|api|bearer|sas)[_-]?token))"
    r"(?P<between>\\*+[\"']?\s{0,3}+(?:=>?+|:)\s{0,3}+|(?<=--[\w-]{3,40})\\?[\"']\s{0,3}+,\s{0,3}+|(?<=--?[\w-]{3,40})\s{1,3}+)"
    r"(?P<quote>\\*+[\"']?+)(?!\[redacted )(?P<value>(?<=[\"'])(?:[^\"'\\\r\n]{4,400}+)(?=\\*[\"'])|[^\s\"'\\&,;<>}]{4,}+)"
)
_KEY_ID = regex.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")
_AWS_SECRET = regex.compile(
    r"(?<![A-Za-z0-9/+=_-])(?=[A-Za-z0-9/+]{0,39}[a-z])(?=[A-Za-z0-9/+]{0,39}[A-Z])(?=[A-Za-z0-9/+]{0,39}[0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_-])"
)

_WORTH = regex.compile(
    # One of these stands in everything that the patterns above find; most log values hold none.
    r"(?i)private key|eyj|fwogz|fqogz|iqojb|gh[pousr]_|github_pat|gl(?:pat|ptt|dt|rt|soat|cbt)-|xox[abeoprs]-|xapp-|aiza|ya29"
    r"|1//0|gocspx|[rs]k_|whsec|sk-|sg\.|hf_|npm_|pypi-|8q~|hv[sbr]\.|dapi|_v1_|dckr|atatt3|shp(?:at|ca|pa|ss)_|glsa_|panther_"
    r"|hooks\.slack|bearer|basic|ssws|negotiate|digest|cookie|session|sid=|jwt=|://[^\s/]{0,80}:[^\s/]{0,200}@|=[^\s&]{16}|token"
    r"|passw|passphrase|pwd|secret|(?:api|account|access).?key|shared.?access|connect\.sid|akia|asia"
)
_PERCENT = regex.compile(r"%[0-9A-Fa-f]{2}")
_PERCENTED = regex.compile(r"[^\s\"'<>\\%]{0,2000}+(?:%[0-9A-Fa-f]{2}[^\s\"'<>\\%]{0,2000}+)++")
_BASE64 = regex.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{16,}+={0,2}")
_JOINT = regex.compile(r"[/_-]")
_PART = regex.compile(r"[A-Za-z0-9+]{16,}+={0,2}")
_URL_SAFE = str.maketrans("-_", "+/")
_HEX = regex.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}){12,}+(?![0-9A-Za-z])")
_PAIR = regex.compile(r"[\w.@+\\-]{2,64}:(?=[^\s:]{6,128}\Z)(?=.*[^\d.:/-])[!-~]+")
"""`user:password`, the whole of it."""
_NO_PAIR = regex.compile(
    r"(?i)\A(?:arn|urn|https?|cursor|ref|id|next|offset|page|sha\d+|user|v\d|\d+):|\A[\w-]+:(?:\d[\d:.TZ+-]*|[a-z][a-z-]*)\Z"
)
_LABEL = regex.compile(r"\[redacted [A-Za-z0-9 ]{1,40}(?: #[0-9a-f]{6})?\]")
_DER_KEYS = (b"\x02\x01\x00", b"\x02\x01\x01\x04")
"""How a PKCS #1, PKCS #8 or SEC 1 private key goes on behind its outer header."""


@lru_cache(maxsize=8_192)
def redact(text: str) -> str:
    """Replace the secrets in a text by labels such as `[redacted GitHub token #3fa9c1]`.

    Recognised are tokens of known issuers, JSON web tokens, private keys, `Authorization` values, cookies, passwords
    and signatures in URLs, connection strings, AWS secret keys, and what is assigned to a name such as `password` or
    `api_key`; as they are, and in percent, base64 or hexadecimal encoding or as JSON within the text. Doing it twice
    changes nothing.
    """
    return _redact(text, 0)


def _redact(text: str, depth: int) -> str:
    if len(text) < _SHORTEST:
        return text
    if depth < _DEEPEST:
        if text[:1] in "{[" and text[-1:] in "}]" and len(text) <= _LONGEST_JSON:
            text = _as_json(text, depth)
        if _PERCENT.search(text):
            text = _PERCENTED.sub(partial(_unquoted, depth), text)
    if _WORTH.search(text):
        text = _plainly(text)
    if depth < _DEEPEST:
        text = _BASE64.sub(partial(_unpacked, depth), text)
        text = _HEX.sub(partial(_unhexed, depth), text)
    return text


def _plainly(text: str) -> str:
    text = _PRIVATE_KEY.sub(f"{_MARK}private key]", text)
    for kind, pattern in _TOKENS:
        text = pattern.sub(partial(_labelled, kind), text)
    text = _CREDENTIALS.sub(_credentials, text)
    text = _COOKIE.sub(lambda match: match[1] + _label("cookie", match[2]), text)
    text = _SESSION.sub(lambda match: match[1] + _label("session", match[2]), text)
    text = _URL_PASSWORD.sub(lambda match: f"{match[1]}{_MARK}password]", text)
    text = _URL_SIGNATURE.sub(lambda match: match[1] + _label("signature", match[2]), text)
    text = _ASSIGNMENT.sub(_assigned, text)
    if _KEY_ID.search(text):
        text = _AWS_SECRET.sub(partial(_labelled, "AWS secret"), text)
    return text


# ---- encodings ---------------------------------------------------------------------------------------------------


def _as_json(text: str, depth: int) -> str:
    """A text that is JSON, with the secrets in its own texts replaced; the same text where there are none."""
    try:
        value = json.loads(text)
        cleaned = _json(value, "", depth + 1)
    except (ValueError, RecursionError):
        # No JSON, or nested beyond any log's need: read as plain text.
        return text
    return text if cleaned == value else json.dumps(cleaned, ensure_ascii=False)


def _unquoted(depth: int, match: "regex.Match[str]") -> str:
    """A run with percent signs: decoded where it holds a secret, else as it was."""
    text = str(match.group())
    plain = unquote(text)
    cleaned = _redact(plain, depth + 1)
    return text if cleaned == plain else cleaned


def _unpacked(depth: int, match: "regex.Match[str]") -> str:
    """A run of base64: the labels of the secrets that it holds, else as it was."""
    text = str(match.group())
    labels = _hidden(text, depth)
    if labels:
        return labels
    # A path may stand before it: its alphabet is base64's.
    return str(_PART.sub(partial(_unpacked_part, depth), text)) if _JOINT.search(text) else text


def _unpacked_part(depth: int, match: "regex.Match[str]") -> str:
    text = str(match.group())
    return _hidden(text, depth) or text


def _hidden(text: str, depth: int) -> str:
    """The labels of what secrets a run of base64 holds; empty where none."""
    run = text.rstrip("=").translate(_URL_SAFE)
    try:
        raw = base64.b64decode(run + "=" * (-len(run) % 4), validate=True)
    except (binascii.Error, ValueError):
        return ""
    if raw.startswith(b"openssh-key-v1") or (raw[:1] == b"\x30" and any(key in raw[2:12] for key in _DER_KEYS)):
        return f"{_MARK}private key]"
    plain = _printable(raw)
    if _PAIR.fullmatch(plain) and not _NO_PAIR.search(plain):
        return f"{_MARK}encoded credentials]"
    return _labels(plain, depth)


def _unhexed(depth: int, match: "regex.Match[str]") -> str:
    text = str(match.group())
    return _labels(_printable(bytes.fromhex(text)), depth) or text


def _labels(plain: str, depth: int) -> str:
    """The labels that stand in a decoded text once it is redacted: the same as for the secrets as they are."""
    if not plain:
        return ""
    cleaned = _redact(plain, depth + 1)
    if cleaned == plain:
        return ""
    return " ".join(dict.fromkeys(_LABEL.findall(cleaned))) or f"{_MARK}encoded secret]"


def _printable(raw: bytes) -> str:
    """What bytes say, where they are text: UTF-8, or UTF-16 as PowerShell encodes its commands."""
    encoding = "utf-16-le" if len(raw) > _SHORTEST and not any(raw[1:40:2]) else "utf-8"
    try:
        found = raw.decode(encoding)
    except ValueError:
        return ""
    return found if found.translate(_LINES).isprintable() else ""


_LINES = str.maketrans("", "", "\n\r\t")

# ---- JSON --------------------------------------------------------------------------------------------------------


def redact_json(value: JsonValue, name: str = "") -> JsonValue:
    """Replace the secrets in every text of a JSON value, and in its keys.

    Args:
        value: Any JSON; it is not changed.
        name: The key under which it stands; a text under `password`, `sessionToken`, `cookie`, … goes whole.
    """
    return _json(value, name, 0)


def _json(value: JsonValue, name: str, depth: int) -> JsonValue:
    if isinstance(value, str):
        if _names_secret(name):
            return _whole(value, name)
        return redact(value) if depth == 0 else _redact(value, depth)
    if isinstance(value, list):
        return [_json(item, name, depth) for item in value]
    if isinstance(value, dict):
        named = _named(value)
        found: dict[str, JsonValue] = {}
        for key, item in value.items():
            if item is None or isinstance(item, int | float):
                # Most values of a row; no call is spent on them.
                found[redact(key)] = item
            elif named == key and isinstance(item, str):
                found[redact(key)] = _whole(item, "password")
            else:
                found[redact(key)] = _json(item, key, depth)
        return found
    return value


def _named(value: Mapping[str, JsonValue]) -> str:
    """The key that holds the secret of a pair such as `{"name": "DB_PASSWORD", "value": "…"}`; empty where none."""
    if len(value) > _PAIR_KEYS:
        return ""
    names = {key.lower(): key for key in value}
    name = next((value[names[key]] for key in ("name", "key") if key in names), None)
    if not isinstance(name, str) or not _names_secret(name):
        return ""
    return names.get("value", "")


_PAIR_KEYS = 4


def redact_row(row: Row) -> dict[str, JsonValue]:
    """Replace the secrets in one record of the lake."""
    cleaned = redact_json(dict(row))
    assert isinstance(cleaned, dict)
    return cleaned


def redact_rows(rows: tuple[Mapping[str, JsonValue], ...]) -> tuple[dict[str, JsonValue], ...]:
    """Replace the secrets in the records of an answer."""
    return tuple(redact_row(row) for row in rows)


# ---- labels ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4_096)
def _names_secret(name: str) -> bool:
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    return plain in _SECRET_NAMES or plain.endswith(_SECRET_ENDINGS)


def _harmless(value: str) -> bool:
    return not value or value.startswith(_MARK) or value.lower() in _HARMLESS or not value.strip("*•x.-")


def _whole(value: str, name: str) -> str:
    if _harmless(value):
        return value
    if name.lower().endswith(_PASSWORD_NAMES):
        return f"{_MARK}password]"
    return _label("secret", value)


def _credentials(match: "regex.Match[str]") -> str:
    # `basic` is a word, too: what follows as a credential isn't one in lower case.
    if match[1].lower() in {"basic", "digest", "negotiate"} and match[3].isalpha() and match[3].islower():
        return str(match.group())
    return f"{match[1]}{match[2]}{_label('credentials', match[3])}"


def _assigned(match: "regex.Match[str]") -> str:
    value = match["value"]
    if _harmless(value):
        return str(match.group())
    name = "".join(letter for letter in match["name"].lower() if letter.isalnum())
    label = f"{_MARK}password]" if name.endswith(_PASSWORD_NAMES) else _label("secret", value)
    return f"{match['name']}{match['between']}{match['quote']}{label}"


def _labelled(kind: str, match: "regex.Match[str]") -> str:
    return _label(kind, str(match.group()))


def _label(kind: str, secret: str) -> str:
    digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_MARK}{kind} #{digest[:6]}]"
