"""Secrets leave every text before it reaches a prompt, the journal or a report.

What stands in their place says what it was. A token's label carries six digits of its hash, so that a reader can tell
whether two records hold the same one; a password's doesn't, since a short password could be guessed from them.
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache, partial

import regex
from pydantic import JsonValue

from triage.domain.base import Row

_MARK = "[redacted "
_SHORTEST = 6
_HARMLESS = frozenset({"hidden_due_to_security_reasons", "redacted", "masked", "true", "false", "null", "none"})

_SECRET_NAMES = frozenset(
    {"authorization", "cookie", "cookies", "setcookie", "passwd", "passphrase", "pwd", "secret", "secretkey", "token"}
    | {"xapikey", "xauthtoken", "xamzsecuritytoken", "samlassertion", "samlresponse", "secretstring", "clientassertion"}
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
)
_PASSWORD_NAMES = ("password", "passwd", "passphrase", "pwd")

_PRIVATE_KEY = regex.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    regex.DOTALL,
)
# Whole tokens that their issuers gave a recognisable shape. Source: the issuers' documentation of token formats.
_TOKENS: tuple[tuple[str, "regex.Pattern[str]"], ...] = (
    ("JSON web token", regex.compile(r"\beyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+)?")),
    ("AWS session token", regex.compile(r"\b(?:FwoGZXIvYXdz|FQoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9/+=]{16,}+")),
    ("GitHub token", regex.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}+|github_pat_\w{20,}+)")),
    ("GitLab token", regex.compile(r"\bgl(?:pat|ptt|dt|rt)-[\w-]{16,}+")),
    ("Slack token", regex.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}+")),
    ("Google API key", regex.compile(r"\bAIza[\w-]{35}")),
    ("Google OAuth token", regex.compile(r"\bya29\.[\w-]{20,}+")),
    ("Stripe key", regex.compile(r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}+")),
    ("API key", regex.compile(r"\bsk-[\w-]{20,}+")),
    ("npm token", regex.compile(r"\bnpm_[A-Za-z0-9]{30,}+")),
    ("PyPI token", regex.compile(r"\bpypi-[\w-]{30,}+")),
)
_CREDENTIALS = regex.compile(r"(?i)\b(bearer|basic|ssws|negotiate)(\s++)(?!\[redacted )([\w.~+/=-]{12,}+)")
_COOKIE = regex.compile(r"(?i)\b((?:set-)?cookie\s*+:\s*+)(?!\[redacted )([^\r\n\"']{4,}+)")
_SESSION = regex.compile(
    r"(?i)\b((?:j?sessionid|phpsessid|connect\.sid|asp\.net_sessionid|session|sid)=)(?!\[redacted )([^\s;&,\"']{12,}+)"
)
_URL_PASSWORD = regex.compile(
    r"(?i)(\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"']{0,80}:)(?!\[redacted )([^\s/@\"']{1,200}+)(?=@)"
)
_URL_SIGNATURE = regex.compile(
    r"(?i)([?&](?:sig|x-amz-signature|x-amz-security-token|x-goog-signature)=)(?!\[redacted )([^\s&\"']{16,}+)"
)
_ASSIGNMENT = regex.compile(
    r"(?i)(?P<name>\b[\w-]{0,40}?(?:password|passwd|passphrase|pwd|secret[_-]?(?:access[_-]?)?key|client[_-]?secret"
    r"|private[_-]?key|api[_-]?key|(?:access|refresh|session|auth|id|api|bearer)[_-]?token))"
    r"(?P<between>\\?[\"']?\s{0,3}+(?:=>?+|:)\s{0,3}+|(?<=--[\w-]{3,40})\\?[\"']\s{0,3}+,\s{0,3}+|(?<=--?[\w-]{3,40})\s{1,3}+)"
    r"(?P<quote>\\?+[\"']?+)(?!\[redacted )(?P<value>[^\s\"'\\&,;<>}]{4,}+)"
)


_WORTH = regex.compile(
    # One of these stands in everything that the patterns above find; most log values hold none.
    r"(?i)private key|eyj|fwogz|fqogz|iqojb|gh[pousr]_|github_pat|gl(?:pat|ptt|dt|rt)-|xox[abeoprs]-|aiza|ya29|[rs]k_|sk-"
    r"|npm_|pypi-|bearer|basic|ssws|negotiate|cookie|session|sid=|://[^\s/]{0,80}:[^\s/]{0,200}@|[?&]sig=|signature=|token"
    r"|passw|passphrase|pwd|secret|api.?key|connect\.sid"
)


@lru_cache(maxsize=8_192)
def redact(text: str) -> str:
    """Replace the secrets in a text by labels such as `[redacted GitHub token #3fa9c1]`.

    Recognised are tokens of known issuers, JSON web tokens, private keys, `Authorization` values, cookies, passwords
    in URLs, URL signatures, and what is assigned to a name such as `password` or `api_key`. Doing it twice changes
    nothing.
    """
    if len(text) < _SHORTEST or not _WORTH.search(text):
        return text
    text = _PRIVATE_KEY.sub(f"{_MARK}private key]", text)
    for kind, pattern in _TOKENS:
        text = pattern.sub(partial(_labelled, kind), text)
    text = _CREDENTIALS.sub(lambda match: match[1] + match[2] + _label("credentials", match[3]), text)
    text = _COOKIE.sub(lambda match: match[1] + _label("cookie", match[2]), text)
    text = _SESSION.sub(lambda match: match[1] + _label("session", match[2]), text)
    text = _URL_PASSWORD.sub(lambda match: f"{match[1]}{_MARK}password]", text)
    text = _URL_SIGNATURE.sub(lambda match: match[1] + _label("signature", match[2]), text)
    return _ASSIGNMENT.sub(_assigned, text)


def redact_json(value: JsonValue, name: str = "") -> JsonValue:
    """Replace the secrets in every text of a JSON value.

    Args:
        value: Any JSON; it is not changed.
        name: The key under which it stands; a text under `password`, `sessionToken`, `cookie`, … goes whole.
    """
    if isinstance(value, str):
        return _whole(value, name) if _names_secret(name) else redact(value)
    if isinstance(value, list):
        return [redact_json(item, name) for item in value]
    if isinstance(value, dict):
        return {key: redact_json(item, key) for key, item in value.items()}
    return value


def redact_row(row: Row) -> dict[str, JsonValue]:
    """Replace the secrets in one record of the lake."""
    return {key: redact_json(item, key) for key, item in row.items()}


def redact_rows(rows: tuple[Mapping[str, JsonValue], ...]) -> tuple[dict[str, JsonValue], ...]:
    """Replace the secrets in the records of an answer."""
    return tuple(redact_row(row) for row in rows)


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
