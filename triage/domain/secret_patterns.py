"""Which parts of a text are secrets, as they are written: the shapes of tokens, and the names that a secret is assigned to.

Each is replaced by a label that says what it was: `[redacted GitHub token #3fa9c1]`. `redaction` also reads encodings
and JSON.
"""

import hashlib
import re
from functools import lru_cache, partial

import regex

from triage.domain.later import later

MARK = "[redacted "
LABEL = later(r"\[redacted [A-Za-z0-9 ]{1,40}(?: #[0-9a-f]{6})?\]")
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
    "passwd",
    "passphrase",
    "vaulttoken",
    "appsecret",
    "encryptionkey",
    "signingkey",
    "signingsecret",
    "webhooksecret",
    "jwtsecret",
    "dbpass",
    "dbpwd",
    "dbpasswd",
    "smtppass",
    "sqlpwd",
)
_PASSWORD_NAMES = ("password", "passwd", "passphrase", "pwd", "pass")

_PRIVATE_KEY = later(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    regex.DOTALL,
)
# Whole tokens that their issuers gave a recognisable shape. Source: the issuers' documentation of token formats.
_TOKENS: tuple[tuple[str, "regex.Pattern[str]"], ...] = (
    ("JSON web token", later(r"\beyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+)*+")),
    ("AWS session token", later(r"\b(?:FwoGZXIvYXdz|FQoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9/+=]{16,}+")),
    ("GitHub token", later(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}+|github_pat_\w{20,}+)")),
    ("GitLab token", later(r"\bgl(?:pat|ptt|dt|rt|soat|cbt)-[\w-]{16,}+")),
    ("Slack token", later(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}+|\bxapp-\d-[A-Za-z0-9-]{10,}+")),
    ("Slack webhook", later(r"\bhooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{16,}+")),
    ("Google API key", later(r"\bAIza[\w-]{35}")),
    ("Google OAuth token", later(r"\bya29\.[\w-]{20,}+|\b1//0[\w-]{30,}+|\bGOCSPX-[\w-]{20,}+")),
    ("Stripe key", later(r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}+|\bwhsec_[A-Za-z0-9]{20,}+")),
    ("API key", later(r"\bsk-[\w-]{20,}+|\bSG\.[\w-]{16,}+\.[\w-]{16,}+|\bhf_[A-Za-z0-9]{30,}+")),
    ("npm token", later(r"\bnpm_[A-Za-z0-9]{30,}+")),
    ("PyPI token", later(r"\bpypi-[\w-]{30,}+")),
    ("Azure client secret", later(r"(?<![\w~.-])[\w~.-]{3}8Q~[\w~.-]{30,}+")),
    ("Vault token", later(r"\bhv[sbr]\.[\w-]{20,}+")),
    ("Databricks token", later(r"\bdapi[0-9a-f]{32}\b")),
    ("DigitalOcean token", later(r"\bdo[opr]_v1_[0-9a-f]{40,}+")),
    ("Docker token", later(r"\bdckr_pat_[\w-]{20,}+")),
    ("Atlassian token", later(r"\bATATT3[\w=-]{30,}+")),
    ("Shopify token", later(r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b")),
    ("Grafana token", later(r"\bglsa_[A-Za-z0-9]{20,}+_[0-9a-f]{8}\b")),
    ("Panther token", later(r"\bpanther_[A-Za-z0-9]{30,}+")),
)
_SCHEME = later(
    r"(?i)(\bauthorization[\"']?\s*+[:=]\s*+[\"']?(?:token|apikey|api-key|key|splunk|genie\s?key|snowflake token=\"?)[\s=]++\"?)"
    r"(?!\[redacted )([\w.~+/=:-]{8,}+)"
)
"""Schemes that are ordinary words elsewhere."""
_CREDENTIALS = later(r"(?i)\b(bearer|basic|ssws|negotiate|digest)(\s++)(?!\[redacted )([\w.~+/=-]{12,}+)")
_COOKIE = later(r"(?i)\b((?:set-)?cookie\s*+:\s*+)(?!\[redacted )([^\r\n\"']{4,}+)")
_SESSION = later(
    r"(?i)\b((?:j?sessionid|phpsessid|connect\.sid|asp\.net_sessionid|session|sid|session_id|jwt)=)(?!\[redacted )([^\s;&,\"'\\]{12,}+)"
)
_URL_PASSWORD = later(
    # The last `@` before the host ends it: a password may hold one.
    r"(?i)(\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"']{0,80}:)(?!\[redacted )([^\s/\"'<>]{1,200})(?=@[\w\[.-])"
)
_URL_SIGNATURE = later(
    r"(?i)((?:[?&]|^)(?:sig|x-amz-signature|x-amz-security-token|x-goog-signature|signature|code|key|auth|token|jwt|ticket"
    r"|samlresponse|samlrequest|assertion|otp|secret|hmac)=)(?!\[redacted )([^\s&\"'\\]{16,}+)"
)
_ASSIGNMENT = later(
    r"(?i)(?P<name>\b[\w-]{0,40}?(?:password|passwd|passphrase|pwd|secret[_-]?(?:access[_-]?)?key|client[_-]?secret"
    r"|private[_-]?key|api[_-]?key|account[_-]?key|shared[_-]?access[_-]?(?:key|signature)"
    r"|(?:access|refresh|session|auth|id|api|bearer|sas)[_-]?token))"
    r"(?P<between>\\*+[\"']?\s{0,3}+(?:=>?+|:)\s{0,3}+|(?<=--[\w-]{3,40})\\?[\"']\s{0,3}+,\s{0,3}+|(?<=--?[\w-]{3,40})\s{1,3}+)"
    r"(?P<quote>\\*+[\"']?+)(?!\[redacted )(?P<value>(?<=[\"'])(?:[^\"'\\\r\n]{4,400}+)(?=\\*[\"'])|[^\s\"'\\&,;<>}]{4,}+)"
)
_SHORT_NAME = later(
    r"(?i)((?<![A-Za-z0-9:/])(?:[A-Za-z0-9]{1,30}[_-]){0,4}(?:pass|secret|credential|encryption[_-]key|signing[_-]key|vault[_-]token"
    r"|app[_-]secret)\\*+[\"']?\s{0,3}+[=:]\s{0,3}+\\*+[\"']?+)(?!\[redacted )((?=[^\s\"']{0,200}[\d!@#$%^*+/~.-])[^\s\"'\\&,;<>}]{6,200}+)"
)
"""Names that are words: what follows must look like no word."""
_SAID = later(r"(?i)(\bpassword\s(?:is|was|to|=)\s)(?!\[redacted )((?=\S{0,200}\d)[^\s\"',;]{6,200}+)")
_XML = later(
    r"(?i)(<(?P<tag>[\w:.-]{0,40}(?:password|passwd|secret|token|apikey|api-key|api_key|privatekey))(?:\s[^<>]{0,200})?>)"
    r"(?!\[redacted )([^<>\s]{4,400})(?=</)"
)
_XML_PAIR = later(
    r"(?i)(\b(?:key|name)=[\"'](?P<name>[\w:. -]{2,60})[\"']\s{1,3}value=[\"'])(?!\[redacted )([^\"'<>]{4,400})(?=[\"'])"
)
_SQL_PASSWORD = later(
    r"(?i)(\b(?:identified\s+(?:with\s+\S{1,40}\s+)?(?:by|as)|(?:with|encrypted)\s+password\s*+=?|password\s+for\s+\S{1,60}\s*=)"
    r"\s*+(?:N(?='))?\\*+[\"'])(?!\[redacted )([^\"'\\\r\n]{3,200})"
)
_SECURE_STRING = later(
    r"(?i)(\bconvertto-securestring\s+(?:-asplaintext\s+|-force\s+|-string\s+)*\\*+[\"']?)(?!\[redacted |-|\$)([^\s\"'\\]{3,200})"
)
_COMMANDS: tuple["regex.Pattern[str]", ...] = tuple(
    later(text)
    for text in (
        # The flag touches its value.
        r"(?i)(\b(?:mysql(?:dump|admin|import)?|mariadb(?:-dump)?|sshpass|mongo(?:dump)?)\b(?-i:[^\r\n|;&]{0,200}?\s-p)[\"']?)(?!\[redacted )([^\s\"'-][^\s\"']{3,200})",
        r"(?i)(\b(?:sshpass|(?:docker|podman|skopeo|helm registry|oras)\s+login|psexec\d*|sqlcmd|bcp|mongo(?:sh|dump)?)(?:\.exe)?\b(?-i:[^\r\n|;&]{0,200}?\s-[pPa])\s{1,3}[\"']?)(?!\[redacted )([^\s\"'-][^\s\"']{3,200})",
        r"(?i)(\b(?:zip|unzip|7z|rar)\b(?-i:[^\r\n|;&]{0,100}?\s-P)\s{1,3}[\"']?)(?!\[redacted )([^\s\"'-][^\s\"']{3,200})",
        r"(?i)(\bopenssl\s+enc\b(?-i:[^\r\n|;&]{0,200}?\s-k)\s{1,3}[\"']?)(?!\[redacted )([^\s\"'-][^\s\"']{3,200})",
        r"(?i)(\b(?:curl|wget|http)(?:\.exe)?\b(?-i:[^\r\n|]{0,400}?\s(?:-u|--user|--proxy-user|-U))[ =]{1,3}[\"']?[^\s:\"']{1,100}:)(?!\[redacted )([^\s\"']{3,200})",
        r"(?i)(\bnet1?(?:\.exe)?\s+use\s[^\r\n]{0,200}?/user:\S{1,100}\s+[\"']?)(?!\[redacted |/)([^\s\"'/][^\s\"']{3,200})",
        r"(?i)(\bnet1?(?:\.exe)?\s+use\s+(?:[\w*]:?\s+)?\\\\+[^\s]{1,200}\s+[\"']?)(?!\[redacted |/|\*)([^\s\"'/][^\s\"']{3,200})",
        r"(?i)(\bnet1?(?:\.exe)?\s+user\s+[^\s/]{1,100}\s+[\"']?)(?!\[redacted |/|\*)([^\s\"'/][^\s\"']{3,200})",
        r"(?i)(\bschtasks(?:\.exe)?\b[^\r\n]{0,300}?\s/rp\s+[\"']?)(?!\[redacted )([^\s\"'/][^\s\"']{3,200})",
        r"(?i)(\bsnmp-server\s+community\s+)(?!\[redacted )([^\s\"']{4,200})",
    )
)
"""Passwords among the arguments of commands."""
_KEY_ID = later(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")
_AWS_SECRET = later(
    r"(?<![A-Za-z0-9/+=_-])(?=[A-Za-z0-9/+]{0,39}[a-z])(?=[A-Za-z0-9/+]{0,39}[A-Z])(?=[A-Za-z0-9/+]{0,39}[0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_-])"
)

_WORTH = later(
    # Everything that the patterns above find contains one of these; most log values contain none.
    r"(?i)private key|eyj|fwogz|fqogz|iqojb|gh[pousr]_|github_pat|gl(?:pat|ptt|dt|rt|soat|cbt)-|xox[abeoprs]-|xapp-|aiza|ya29"
    r"|1//0|gocspx|[rs]k_|whsec|sk-|sg\.|hf_|npm_|pypi-|8q~|hv[sbr]\.|dapi|_v1_|dckr|atatt3|shp(?:at|ca|pa|ss)_|glsa_|panther_"
    r"|hooks\.slack|bearer|basic|ssws|negotiate|digest|cookie|session|sid=|jwt=|://[^\s/]{0,80}:[^\s/]{0,200}@|=[^\s&]{16}|token"
    r"|authorization|pass\\*[\"']?\s{0,3}[:=]|credential|encryption.key|signing.key|securestring|identified\s|schtasks|sshpass|mysql"
    r"|mariadb|mongo|docker|podman|psexec|\bnet1?(?:\.exe)?\s+use|\bcurl|\bwget|snmp-server|openssl\s|\s-[pP]|</|value="
    r"|passw|passphrase|pwd|secret|(?:api|account|access).?key|shared.?access|connect\.sid|akia|asia"
)


_STEMS: tuple[str, ...] = (
    *("private key", "eyj", "fwogz", "fqogz", "iqojb", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat", "glpat-"),
    *("glptt-", "gldt-", "glrt-", "glsoat-", "glcbt-", "xox", "xapp-", "aiza", "ya29", "1//0", "gocspx", "rk_", "sk_"),
    *("whsec", "sk-", "sg.", "hf_", "npm_", "pypi-", "8q~", "hvs.", "hvb.", "hvr.", "dapi", "_v1_", "dckr", "atatt3"),
    *(
        "shpat_",
        "shpca_",
        "shppa_",
        "shpss_",
        "glsa_",
        "panther_",
        "hooks.slack",
        "bearer",
        "basic",
        "ssws",
        "negotiate",
    ),
    *("digest", "cookie", "session", "sid=", "jwt=", "://", "=", "token", "authorization", "pass", "credential", "pwd"),
    *(
        "encryption",
        "signing",
        "securestring",
        "identified",
        "schtasks",
        "mysql",
        "mariadb",
        "mongo",
        "docker",
        "podman",
    ),
    *("psexec", "curl", "wget", "snmp-server", "openssl", "-p", "</", "secret", "key", "shared", "connect.sid"),
    *("akia", "asia"),
)
_NET_USE = re.compile(r"net1?(?:\.exe)?\s+use")
"""What `_WORTH` finds contains one of the stems or this; to look for these takes a tenth of the time."""


def _is_worth(text: str) -> bool:
    """Whether there may be a secret."""
    if text.isascii():
        lower = text.lower()
        if not any(map(lower.__contains__, _STEMS)) and not _NET_USE.search(lower):
            return False
    return _WORTH.search(text) is not None


def replace_secrets(text: str) -> str:
    """Replace the secrets that a text holds as they are written."""
    if not _is_worth(text):
        return text
    text = _PRIVATE_KEY.sub(f"{MARK}private key]", text)
    for kind, pattern in _TOKENS:
        text = pattern.sub(partial(_labelled, kind), text)
    text = _SCHEME.sub(lambda match: match[1] + _label("credentials", match[2]), text)
    text = _CREDENTIALS.sub(_credentials, text)
    text = _XML.sub(lambda match: match[1] + replace_value(match[3], match["tag"]), text)
    text = _XML_PAIR.sub(_xml_pair, text)
    text = _SQL_PASSWORD.sub(_password_after, text)
    text = _SECURE_STRING.sub(_password_after, text)
    for pattern in _COMMANDS:
        text = pattern.sub(_password_after, text)
    text = _COOKIE.sub(lambda match: match[1] + _label("cookie", match[2]), text)
    text = _SESSION.sub(lambda match: match[1] + _label("session", match[2]), text)
    text = _URL_PASSWORD.sub(lambda match: f"{match[1]}{MARK}password]", text)
    text = _URL_SIGNATURE.sub(lambda match: match[1] + _label("signature", match[2]), text)
    text = _ASSIGNMENT.sub(_assigned, text)
    text = _SHORT_NAME.sub(_short_named, text)
    text = _SAID.sub(_password_after, text)
    if _KEY_ID.search(text):
        text = _AWS_SECRET.sub(partial(_labelled, "AWS secret"), text)
    return text


@lru_cache(maxsize=4_096)
def names_secret(name: str) -> bool:
    """Whether what is stored under a name is a secret."""
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    return plain in _SECRET_NAMES or plain.endswith(_SECRET_ENDINGS)


def _harmless(value: str) -> bool:
    return not value or value.startswith(MARK) or value.lower() in _HARMLESS or not value.strip("*•x.-")


def replace_value(value: str, name: str) -> str:
    """A text under a name such as `password`, replaced whole."""
    if _harmless(value):
        return value
    if name.lower().endswith(_PASSWORD_NAMES):
        return f"{MARK}password]"
    return _label("secret", value)


def _credentials(match: "regex.Match[str]") -> str:
    # `basic` is also a word; credentials after it are not all lower case.
    if match[1].lower() in {"basic", "digest", "negotiate"} and match[3].isalpha() and match[3].islower():
        return str(match.group())
    return f"{match[1]}{match[2]}{_label('credentials', match[3])}"


def _assigned(match: "regex.Match[str]") -> str:
    value = match["value"]
    if _harmless(value):
        return str(match.group())
    name = "".join(letter for letter in match["name"].lower() if letter.isalnum())
    label = f"{MARK}password]" if name.endswith(_PASSWORD_NAMES) else _label("secret", value)
    return f"{match['name']}{match['between']}{match['quote']}{label}"


def _xml_pair(match: "regex.Match[str]") -> str:
    return match[1] + replace_value(match[3], match["name"]) if names_secret(match["name"]) else str(match.group())


def _password_after(match: "regex.Match[str]") -> str:
    return str(match.group()) if _harmless(match[2]) else f"{match[1]}{MARK}password]"


def _short_named(match: "regex.Match[str]") -> str:
    return str(match.group()) if _harmless(match[2]) else match[1] + _label("secret", match[2])


def _labelled(kind: str, match: "regex.Match[str]") -> str:
    return _label(kind, str(match.group()))


def _label(kind: str, secret: str) -> str:
    digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{MARK}{kind} #{digest[:6]}]"
