"""Fills Panther's `p_any_` columns by plain rules: a value's form, and common names of fields.

The rules share nothing with how the product reads an event. What its extractor overlooks or misreads is therefore
still found in an imported world, as it would be in Panther's own lake.
"""

import ipaddress
import re
from collections.abc import Mapping
from itertools import islice
from urllib.parse import urlsplit

from pydantic import JsonValue

from triage.logtypes.paths import leaves

MAX_LEAVES = 5_000
"""Scalars of one record that are looked at."""
MAX_VALUES = 500
"""Values of one column."""
MAX_LENGTH = 1_000
"""Characters of a text that is looked at."""

_EMAIL = re.compile(r"[^\s@<>\"',;:()\[\]\\/]{1,64}@(?:[\w-]{1,63}\.)+[^\W\d_][\w-]{1,62}")
_ARN = re.compile(r"arn:aws[\w-]*:(?P<service>[\w-]+):[\w-]*:(?P<account>\d{12})?[\w-]*:(?P<resource>\S.*)")
_DOMAIN = re.compile(r"(?:[\w-]{1,63}\.)+(?:[^\W\d_]{2,63}|xn--[a-z0-9-]+)")
_ACCOUNT = re.compile(r"\d{12}")
_ACCESS_KEY = re.compile(r"(?:AKIA|ASIA)[0-9A-Z]{12,124}")
_UNIQUE_ID = re.compile(r"(?:AIDA|AROA|AGPA|AIPA|ANPA)[0-9A-Z]{12,124}(?=:|$)")
_INSTANCE = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}")
_HEX = re.compile(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}")
_HASHES = {32: "p_any_md5_hashes", 40: "p_any_sha1_hashes", 64: "p_any_sha256_hashes"}
_PRINCIPALS = {"iam": ("user", "role"), "sts": ("assumed-role",)}
"""Resources of an ARN that name a user: the role and the session of an assumed role, the last part of another path."""
_NOTHING = {"-", "unknown", "null", "none", "n/a", "undefined", "true", "false"}


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Names of fields, as `_key` gives them.
_USER_KEYS = _set(
    "user username login loginname userlogin useralternateid alternateid actor actorname actorlogin actorusername "
    "actoralternateid caller operator adminname samaccountname subjectusername targetusername accountname upn "
    "userprincipalname principalname principalemail email useremail actoremail"
)
_ACTOR_ID_KEYS = _set("userid actorid actoruserid principalid accountuserid callerid")
_TRACE_KEYS = _set("requestid traceid correlationid transactionid sessionid externalsessionid")
_ACCOUNT_ENDS = ("account", "accountid", "accounts", "accountids")
_DOMAIN_KEYS = _set("domain domainname fqdn host hostname dnshostname computername queryname")
_HASH_PARTS = ("hash", "md5", "sha1", "sha256", "checksum", "digest")

IndicatorValues = dict[str, dict[str, None]]
"""Values by column, each once."""


def indicators(record: Mapping[str, JsonValue]) -> dict[str, list[str]]:
    """The indicator columns of a record, each sorted and without repeats; empty ones are left out.

    Found by form, in any field: IP addresses (also with a port), e-mail addresses and the part before the `@` as a user
    name, ARNs with their account and the user, role or session they name, AWS access keys (trace ids), unique ids (actor
    ids) and instance ids, MAC addresses, the hosts of URLs. Found by form and the field's name: account ids, domains,
    hashes. Found by the field's name: user names, actor ids, trace ids.
    """
    found: IndicatorValues = {}
    columns = {name: value for name, value in record.items() if not name.startswith("p_")}
    for path, value in islice(leaves(columns), MAX_LEAVES):
        if value is None or isinstance(value, bool | float):
            continue
        text = str(value).strip()
        if text and len(text) <= MAX_LENGTH and text.casefold() not in _NOTHING:
            if not isinstance(value, str) or not _add_by_form(found, text):
                _add_by_name(found, path, text)
            elif _EMAIL.fullmatch(text) and not _USER_KEYS.isdisjoint(_names(path)):
                # Where a log names its users by their address, the whole address is the name.
                _put(found, "p_any_usernames", text.lower())
    return {name: sorted(values)[:MAX_VALUES] for name, values in sorted(found.items())}


def _add_by_form(found: IndicatorValues, text: str) -> bool:
    """Add a text that shows what it is; False where it doesn't."""
    address = _address(text)
    if address:
        _put(found, "p_any_ip_addresses", address)
    elif _EMAIL.fullmatch(text):
        _add_email(found, text)
    elif arn := _ARN.fullmatch(text):
        _add_arn(found, arn)
    elif _ACCESS_KEY.fullmatch(text):
        _put(found, "p_any_trace_ids", text)
    elif unique := _UNIQUE_ID.match(text):
        _put(found, "p_any_actor_ids", text)
        _put(found, "p_any_actor_ids", unique[0])
    elif _INSTANCE.fullmatch(text):
        _put(found, "p_any_aws_instance_ids", text)
    elif _MAC.fullmatch(text):
        _put(found, "p_any_mac_addresses", text.lower())
    elif "://" in text[:20] and " " not in text:
        _add_host(found, text)
    else:
        return False
    return True


def _add_by_name(found: IndicatorValues, path: str, text: str) -> None:
    """Add a text whose field has a name that says what it holds."""
    key, pair = _names(path)
    if _ACCOUNT.fullmatch(text) and pair.endswith(_ACCOUNT_ENDS):
        _put(found, "p_any_aws_account_ids", text)
    elif _HEX.fullmatch(text) and any(part in key for part in _HASH_PARTS):
        _put(found, _HASHES[len(text)], text.lower())
    elif key in _DOMAIN_KEYS and _DOMAIN.fullmatch(text):
        _put(found, "p_any_domain_names", text.lower())
    elif key in _USER_KEYS or pair in _USER_KEYS:
        _put(found, "p_any_usernames", text)
    elif key in _ACTOR_ID_KEYS or pair in _ACTOR_ID_KEYS:
        _put(found, "p_any_actor_ids", text)
    elif key in _TRACE_KEYS or pair in _TRACE_KEYS:
        _put(found, "p_any_trace_ids", text)


def _key(name: str) -> str:
    """`user_name`, `userName` and `USER-NAME` are one name: `username`."""
    return "".join(filter(str.isalnum, name)).lower()


def _names(path: str) -> tuple[str, str]:
    """The last name of a path, and the last two as one: `user.name` gives `name` and `username`."""
    names = [_key(name) for name in path.split(".") if not name.isdigit()][-2:]
    return (names[-1] if names else ""), "".join(names)


def _address(text: str) -> str:
    """The IP address in `192.0.2.1`, `192.0.2.1:443` or `[2001:db8::1]:443`; empty where there is none."""
    host = text
    if text.count(":") == 1:
        host = text.partition(":")[0]
    elif text.startswith("["):
        host = text[1:].partition("]")[0]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""


def _add_email(found: IndicatorValues, text: str) -> None:
    _put(found, "p_any_emails", text.lower())
    _put(found, "p_any_usernames", text.lower().partition("@")[0])


def _add_arn(found: IndicatorValues, arn: re.Match[str]) -> None:
    _put(found, "p_any_aws_arns", arn[0])
    _put(found, "p_any_aws_account_ids", arn["account"] or "")
    kind, *names = arn["resource"].split("/")
    if kind not in _PRINCIPALS.get(arn["service"], ()):
        return
    for name in names if kind == "assumed-role" else names[-1:]:
        _put(found, "p_any_usernames", name)
        if _EMAIL.fullmatch(name):
            _add_email(found, name)


def _add_host(found: IndicatorValues, url: str) -> None:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return
    if address := _address(host):
        _put(found, "p_any_ip_addresses", address)
    elif _DOMAIN.fullmatch(host):
        _put(found, "p_any_domain_names", host)


def _put(found: IndicatorValues, column: str, value: str) -> None:
    if value:
        found.setdefault(column, {})[value] = None
