"""Typed reading of one value."""

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from triage.domain.entity import Entity, EntityKind
from triage.logtypes import FieldKind
from triage.stages.enrichment.entities.addresses import address_class, parse_address
from triage.stages.enrichment.entities.aws import is_sso_role, parse_arn
from triage.stages.enrichment.entities.values import read

KINDS = [kind for kind in FieldKind if kind is not FieldKind.SCAN]


CLASSES = {
    "public": ["8.8.8.8", "2606:4700::1111"],
    "private": ["10.1.2.3", "172.31.0.1", "192.168.0.1", "fd12::1"],
    "loopback": ["127.0.0.1", "::1"],
    "link_local": ["169.254.1.1", "fe80::1"],
    "cloud_metadata": ["169.254.169.254", "169.254.170.2", "fd00:ec2::254", "168.63.129.16"],
    "documentation": ["192.0.2.1", "198.51.100.7", "203.0.113.9", "2001:db8::5"],
    "benchmarking": ["198.18.0.1"],
    "shared": ["100.64.1.1"],
    "multicast": ["224.0.0.1"],
    "unspecified": ["0.0.0.0"],
    "reserved": ["240.0.0.1"],
}


def test_an_address_has_its_class() -> None:
    """Each special range is told apart from the public internet."""
    found: dict[str, list[str]] = {}
    for text in (text for texts in CLASSES.values() for text in texts):
        address = parse_address(text)
        assert address is not None, text
        found.setdefault(address_class(address), []).append(text)
    assert found == CLASSES


SPELLINGS = {
    "192.0.2.1:443": "192.0.2.1",
    "[2001:DB8:0::1]:22": "2001:db8::1",
    "fe80::1%eth0": "fe80::1",
    "::ffff:192.0.2.1": "192.0.2.1",
    "192.0.2.1/32": "192.0.2.1",
    "192.0.2.0/24": None,
    "1.2.3": None,
    "1.2.3.4.5": None,
    "999.1.1.1": None,
    "12:30": None,
    "": None,
    "٣.٣.٣.٣": None,
}


def test_an_address_is_read_in_its_spellings() -> None:
    """A port, a zone, a host prefix or a mapped form give the address; a network or a version number gives none."""
    found = {text: parse_address(text) for text in SPELLINGS}
    assert {text: str(address) if address else None for text, address in found.items()} == SPELLINGS


def test_an_arn_gives_its_parts() -> None:
    """Partition, service, region, account and resource are facts."""
    arn = parse_arn("arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:resize")
    assert arn is not None
    assert arn.facts() == {
        "partition": "aws-us-gov",
        "service": "lambda",
        "region": "us-gov-west-1",
        "account": "111122223333",
        "resource": "function:resize",
        "type": "function",
    }


def test_roles_of_the_identity_center_are_known_by_name() -> None:
    """Only the full form counts, so that a role with a like name doesn't."""
    names = ("AWSReservedSSO_Admin_0123456789abcdef", "AWSReservedSSO_Admin", "Admin_0123456789abcdef")
    assert [is_sso_role(name) for name in names] == [True, False, False]


VALUES: list[tuple[JsonValue, str, str, str, dict[str, str]]] = [
    # text, kind of field, kind of entity, value, facts among others
    ("Ada@Acme.Example", "user", "email", "ada@acme.example", {"domain": "acme.example"}),
    ("Ada <ADA@acme.example>", "email", "email", "ada@acme.example", {}),
    ("ada", "user", "user", "ada", {}),
    (7, "actor_id", "actor_id", "7", {}),
    (7.0, "actor_id", "actor_id", "7", {}),
    ("Ada Lovelace", "name", "user", "Ada Lovelace", {"identity": "display_name"}),
    ("ACME\\ada", "user", "user", "ACME\\ada", {"domain": "ACME", "name": "ada"}),
    ("dependabot[bot]", "user", "user", "dependabot[bot]", {"identity": "bot"}),
    ("system:anonymous", "user", "user", "system:anonymous", {"identity": "anonymous"}),
    ("system:node:a", "user", "user", "system:node:a", {"identity": "system"}),
    (
        "system:serviceaccount:web:api",
        "user",
        "user",
        "system:serviceaccount:web:api",
        {"identity": "service_account", "namespace": "web", "name": "api"},
    ),
    (
        "ci@acme.iam.gserviceaccount.com",
        "user",
        "email",
        "ci@acme.iam.gserviceaccount.com",
        {"identity": "service_account"},
    ),
    ("config.amazonaws.com", "ip", "service", "config.amazonaws.com", {"identity": "service"}),
    ("AKIAIOSFODNN7EXAMPLE", "access_key", "access_key", "AKIAIOSFODNN7EXAMPLE", {"lifetime": "long_term"}),
    ("ASIAIOSFODNN7EXAMPLE", "trace", "access_key", "ASIAIOSFODNN7EXAMPLE", {"lifetime": "temporary"}),
    ("111122223333", "account", "account", "111122223333", {}),
    ("Evil.Example.", "domain", "domain", "evil.example", {}),
    ("D41D8CD98F00B204E9800998ECF8427E", "hash", "hash", "d41d8cd98f00b204e9800998ecf8427e", {"algorithm": "md5"}),
    ("a" * 40, "hash", "hash", "a" * 40, {"algorithm": "sha1"}),
    ("a" * 64, "hash", "hash", "a" * 64, {"algorithm": "sha256"}),
    ("user:ada@acme.example", "principal", "email", "ada@acme.example", {}),
    ("allUsers", "principal", "user", "allUsers", {}),
    ("https://u:secret@Evil.example/a", "url", "url", "https://evil.example/a", {"host": "evil.example"}),
    ("build-17", "resource", "resource", "build-17", {}),
    ("laptop-7", "host", "host", "laptop-7", {}),
    ("nadia", "session", "user", "nadia", {"identity": "session"}),
]


def test_a_value_is_read_as_what_it_is() -> None:
    """The kind of field says what it holds; the value may say better."""
    for text, kind, found_kind, value, facts in VALUES:
        found = read(text, FieldKind(kind))[0]
        assert (found.kind.value, found.value) == (found_kind, value)
        assert facts.items() <= dict(found.facts).items(), text


def test_a_session_gives_the_role_and_the_name_that_the_caller_chose() -> None:
    """The ARN of an assumed role holds a role, and a session name that is marked as the caller's."""
    found = {
        each.key: dict(each.facts)
        for each in read("arn:aws:sts::111122223333:assumed-role/deploy/run-7", FieldKind.ARN)
    }
    assert found[(EntityKind.USER, "run-7")]["identity"] == "session"
    assert found[(EntityKind.USER, "deploy")]["identity"] == "role"
    assert found[(EntityKind.ARN, "arn:aws:iam::111122223333:role/deploy")]["derived"] == "from the session"


def test_a_session_of_the_identity_center_is_its_user() -> None:
    """There AWS sets the session's name, and the role's own ARN can't be made from the session's."""
    arn = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/ada@acme.example"
    found = {each.key: dict(each.facts) for each in read(arn, FieldKind.ARN)}
    assert found[(EntityKind.EMAIL, "ada@acme.example")]["identity"] == "sso_session"
    assert not any(value.startswith("arn:aws:iam") for _, value in found)


NOTHING: list[JsonValue] = ["", "  ", "-", "unknown", "N/A", "null", "***", True, None, 1.5, float("inf")]
UNSEEN = ["a\u202eb", "a\x00b", "a\ud800b"]


def test_what_names_nothing_or_cannot_be_shown_is_left_out() -> None:
    """Placeholders, hidden characters, lone surrogates and fractions give no entity, whatever the field holds."""
    assert [(value, kind) for value in (*NOTHING, *UNSEEN) for kind in KINDS if read(value, kind) != ()] == []


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.none()), st.sampled_from(KINDS))
def test_any_scalar_is_read_without_an_error(value: JsonValue, kind: FieldKind) -> None:
    """Whatever a log holds, reading gives values that can be stored."""
    for found in read(value, kind):
        entity = Entity(kind=found.kind, value=found.value, facts=dict(found.facts))
        assert Entity.model_validate_json(entity.model_dump_json()) == entity


@given(st.text(alphabet="arn:aws-/*iamst0123456789 ", max_size=60), st.sampled_from(KINDS))
def test_almost_arns_are_read_without_an_error(tail: str, kind: FieldKind) -> None:
    """A broken ARN is a text like any other."""
    assert all(found.value for found in read("arn:aws:" + tail, kind))
