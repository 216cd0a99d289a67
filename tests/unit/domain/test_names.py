"""Names of whoever acted, and of what they acted on, as people say them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.names import object_name, sentence_start, short_name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("arn:aws:iam::111122223333:user/ops/mira.holt", "mira.holt"),
        ("arn:aws:iam::111122223333:role/service-role/deployer", "the role deployer"),
        ("arn:aws:sts::111122223333:assumed-role/Admin/mira.holt@example.com", "mira.holt@example.com"),
        ("arn:aws:sts::111122223333:assumed-role/Admin/i-0abc", "the role Admin (session i-0abc)"),
        ("arn:aws-us-gov:iam::111122223333:root", "the root user of 111122223333"),
        ("system:serviceaccount:kube-system:job-controller", "the service account kube-system/job-controller"),
        ("system:node:ip-10-0-0-1", "the node ip-10-0-0-1"),
        ("318312", "user 318312"),
        ("mira.holt@example.com", "mira.holt@example.com"),
        ("", ""),
    ],
)
def test_a_name_is_said_as_people_would(name: str, said: str) -> None:
    """Users by their names, roles and service accounts as what they are, e-mails whole."""
    assert short_name(name) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("arn:aws:iam::aws:policy/AdministratorAccess", "AdministratorAccess"),
        ("arn:aws:s3:::ledger-backups", "ledger-backups"),
        ("/subscriptions/1/resourcegroups/rg/providers/microsoft.insights/diagnosticsettings/audit", "audit"),
        ("arn:aws:lambda:eu-west-1:111122223333:function:orders", "orders"),
        ("/etc/passwd", "/etc/passwd"),
        ("ledger/db", "ledger/db"),
    ],
)
def test_an_object_is_said_by_its_own_name(value: str, said: str) -> None:
    """A path of a cloud and an ARN are cut to their last name; other values stay."""
    assert object_name(value) == said


@given(st.text())
def test_nothing_is_lost(name: str) -> None:
    """Whatever the text, something of it is said, and a sentence begins with all of it."""
    assert bool(short_name(name)) == bool(name)
    assert sentence_start(name)[1:] == name[1:]
