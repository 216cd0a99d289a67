"""Fills Panther's `p_any_` columns: the indicators of a record, found by type."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from urllib.parse import urlsplit

from pydantic import JsonValue

from triage.domain.entity import HASH_COLUMN, INDICATOR_COLUMN, EntityKind
from triage.logtypes import FieldKind, entity_fields
from triage.logtypes.paths import find, leaves
from triage.stages.enrichment.entities.names import kind_of, words
from triage.stages.enrichment.entities.values import Typed, detect, read, text_of

MAX_LEAVES = 5_000
"""Scalars of one record that are looked at."""
MAX_VALUES = 500
"""Values of one column."""

_ACCOUNT = re.compile(r"\d{12}")
_INSTANCE = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}")
_HASHES = {32: "p_any_md5_hashes", 40: "p_any_sha1_hashes", 64: "p_any_sha256_hashes"}
_HEX = re.compile(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}")
_HASH_NAMES = ("hash", "md5", "sha1", "sha256", "sha_", "checksum", "digest")
# Of a display name or a rule's guess nothing is certain; a scan reads each scalar below by its own name.
_LOOSE = frozenset({FieldKind.SCAN, FieldKind.WORDS, FieldKind.RESOURCE})
_NAMES = frozenset(
    {FieldKind.USER, FieldKind.SESSION, FieldKind.ARN, FieldKind.PRINCIPAL, FieldKind.ROLE, FieldKind.NAME}
)
"""Kinds of fields that hold a name by which somebody is known."""


def indicators(record: Mapping[str, JsonValue], log_type: str) -> dict[str, list[str]]:
    """The indicator columns of a record, each sorted and without repeats; empty ones are left out.

    The known fields of the log type are read for what they hold, every other field for what shows its own type; of a log
    type that is not known, fields are read by their names. Nothing is invented: a value stands in the record, or is the
    part of an e-mail address before the `@`, the account of an ARN, or the host of a URL (as Panther's own scans give).
    """
    found: dict[str, dict[str, None]] = {}
    columns = {name: value for name, value in record.items() if not name.startswith("p_")}
    known = entity_fields(log_type)
    for each in _known(columns, log_type):
        _add(found, each)
    for path, value in islice(leaves(columns), MAX_LEAVES):
        if not isinstance(value, str) and known:
            continue
        text = text_of(value)
        if not text:
            continue
        typed = detect(text)
        if not typed and not known:
            typed = read(value, kind_of(path))[:1]
        for each in typed:
            _add(found, each)
        _add_shaped(found, text)
        if not known:
            _add_hash(found, path, text)
    return {name: sorted(values)[:MAX_VALUES] for name, values in sorted(found.items())}


def _known(record: Mapping[str, JsonValue], log_type: str) -> Iterator[Typed]:
    for field in entity_fields(log_type):
        if field.kind in _LOOSE:
            continue
        for at, node in find(record, field.path):
            scalars = islice(leaves(node, at), MAX_LEAVES) if field.below else _scalars(at, node)
            for path, value in scalars:
                if field.kind is FieldKind.NAME and words(path)[-2:] != ("user", "name"):
                    continue
                for each in read(value, field.kind):
                    if "derived" in each.facts or (each.kind is EntityKind.SERVICE and field.kind is not FieldKind.IP):
                        continue
                    yield each
                    if each.kind is EntityKind.EMAIL and field.kind in _NAMES:
                        # Where a log names somebody by an address, the whole address is the name.
                        yield Typed(EntityKind.USER, each.value)


def _scalars(at: str, node: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    if isinstance(node, list):
        yield from ((at, item) for item in node[:MAX_VALUES] if not isinstance(item, dict | list))
    elif not isinstance(node, dict):
        yield at, node


def _add(found: dict[str, dict[str, None]], typed: Typed) -> None:
    value = typed.value
    match typed.kind:
        case EntityKind.HASH:
            column = HASH_COLUMN.get(typed.facts.get("algorithm", ""))
            if column:
                _put(found, column, value)
        case EntityKind.ACCOUNT:
            if _ACCOUNT.fullmatch(value):
                _put(found, "p_any_aws_account_ids", value)
        case EntityKind.EMAIL:
            _put(found, "p_any_emails", value)
            _put(found, "p_any_usernames", value.partition("@")[0])
        case EntityKind.ARN:
            _put(found, "p_any_aws_arns", value)
            account = typed.facts.get("account", "")
            if _ACCOUNT.fullmatch(account):
                _put(found, "p_any_aws_account_ids", account)
        case EntityKind.SERVICE:
            if "." in value and " " not in value:
                _put(found, "p_any_domain_names", value)
        case EntityKind.HOST:
            if "." in value and " " not in value:
                _put(found, "p_any_domain_names", value.lower())
        case EntityKind.URL:
            _add_host(found, value)
        case EntityKind.RESOURCE:
            pass
        case _:
            _put(found, INDICATOR_COLUMN[typed.kind], value)


def _add_host(found: dict[str, dict[str, None]], url: str) -> None:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return
    try:
        _put(found, "p_any_ip_addresses", str(ipaddress.ip_address(host)))
    except ValueError:
        if "." in host:
            _put(found, "p_any_domain_names", host)


def _add_shaped(found: dict[str, dict[str, None]], text: str) -> None:
    """What its shape tells, beyond the entities that an investigation asks about."""
    if _INSTANCE.fullmatch(text):
        _put(found, "p_any_aws_instance_ids", text)
    elif _MAC.fullmatch(text):
        _put(found, "p_any_mac_addresses", text.lower())


def _add_hash(found: dict[str, dict[str, None]], path: str, text: str) -> None:
    """A digest, where the field's name says that it is one: many ids look like digests."""
    if _HEX.fullmatch(text) and any(name in path.lower() for name in _HASH_NAMES):
        _put(found, _HASHES[len(text)], text.lower())


def _put(found: dict[str, dict[str, None]], column: str, value: str) -> None:
    if value:
        found.setdefault(column, {})[value] = None
