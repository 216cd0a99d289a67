"""The `p_any_` columns that an import fills from a value's form and its field's name."""

from typing import Any

from triage.sandbox.importing.indicators import indicators

ROLE = "arn:aws:sts::111122223333:assumed-role/deploy/mira@acme.example"

CASES: list[tuple[dict[str, Any], dict[str, list[str]]]] = [
    ({"any": "192.0.2.7"}, {"ip_addresses": ["192.0.2.7"]}),
    ({"any": ["192.0.2.7:443", "[2001:DB8::1]:443"]}, {"ip_addresses": ["192.0.2.7", "2001:db8::1"]}),
    ({"any": "Mira@acme.example"}, {"emails": ["mira@acme.example"], "usernames": ["mira"]}),
    (
        {"actor": {"alternateId": "mira@acme.example"}},
        {"emails": ["mira@acme.example"], "usernames": ["mira", "mira@acme.example"]},
    ),
    (
        {"any": ROLE},
        {
            "aws_arns": [ROLE],
            "aws_account_ids": ["111122223333"],
            "emails": ["mira@acme.example"],
            "usernames": ["deploy", "mira", "mira@acme.example"],
        },
    ),
    (
        {"any": "arn:aws:iam::111122223333:user/team/ops"},
        {
            "aws_arns": ["arn:aws:iam::111122223333:user/team/ops"],
            "aws_account_ids": ["111122223333"],
            "usernames": ["ops"],
        },
    ),
    ({"any": "arn:aws:s3:::reports/user/ops"}, {"aws_arns": ["arn:aws:s3:::reports/user/ops"]}),
    ({"any": "AKIAEXAMPLEEXAMPLE12"}, {"trace_ids": ["AKIAEXAMPLEEXAMPLE12"]}),
    (
        {"any": "AROAEXAMPLEEXAMPLE12:mira"},
        {"actor_ids": ["AROAEXAMPLEEXAMPLE12", "AROAEXAMPLEEXAMPLE12:mira"]},
    ),
    ({"any": "i-0123456789abcdef0"}, {"aws_instance_ids": ["i-0123456789abcdef0"]}),
    ({"any": "0A:1B:2C:3D:4E:5F"}, {"mac_addresses": ["0a:1b:2c:3d:4e:5f"]}),
    ({"any": "https://files.acme.example/a"}, {"domain_names": ["files.acme.example"]}),
    ({"any": "https://192.0.2.7/a"}, {"ip_addresses": ["192.0.2.7"]}),
    ({"recipientAccountId": "111122223333", "number": "111122223333"}, {"aws_account_ids": ["111122223333"]}),
    ({"account": {"id": 111122223333}}, {"aws_account_ids": ["111122223333"]}),
    ({"fileHash": "AB" * 32, "id": "ab" * 32}, {"sha256_hashes": ["ab" * 32]}),
    ({"hostname": "files.acme.example", "note": "files.acme.example"}, {"domain_names": ["files.acme.example"]}),
    ({"USER_NAME": "MIRA", "user": {"name": "mira"}, "name": "other"}, {"usernames": ["MIRA", "mira"]}),
    ({"actor": {"id": "00u1"}, "id": "00u2"}, {"actor_ids": ["00u1"]}),
    ({"requestID": "r-1"}, {"trace_ids": ["r-1"]}),
    ({"userName": ["-", "", None, True, "unknown", "x" * 1001]}, {}),
    ({"p_any_usernames": ["mira"], "p_source_id": "192.0.2.7"}, {}),
]


def test_values_are_found_by_form_and_by_the_name_of_their_field() -> None:
    """Each record has these columns and no others."""
    for record, columns in CASES:
        assert indicators(record) == {f"p_any_{name}": values for name, values in sorted(columns.items())}, record
