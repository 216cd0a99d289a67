"""Secrets in the answers to the model's own queries."""

from triage.stages.investigation.secrets import rows_without_secrets

FROM = "FROM panther_logs.public.aws_cloudtrail LIMIT 5"


def test_the_source_of_a_column_says_whether_it_is_a_secret() -> None:
    """An identifier called `secret` is shown; a password called `note` is not, and a computed column goes by its name."""
    cases = [
        ("requestParameters:secretId::string AS secret", "secret", "prod/billing", True),
        ("requestParameters:password::string AS note", "note", "prod/billing", False),
        ("MAX(requestParameters:password::string) AS note", "note", "prod/billing", False),
        ("COALESCE(eventName, requestParameters:password::string) AS note", "note", "prod/billing", False),
        ("CONCAT(eventName, awsRegion) AS password", "password", "prod/billing", False),
        ("eventName AS secret", "secret", "ghp_" + "a1B2" * 9, False),
    ]
    for select, column, value, shown in cases:
        (row,) = rows_without_secrets([{column: value}], [column], f"SELECT {select} {FROM}")
        assert (row[column] == value) is shown, select
    nested = {"requestparameters": {"password": "prod/billing", "name": "mira"}}
    (row,) = rows_without_secrets([nested], ["requestparameters"], f"SELECT requestParameters {FROM}")
    assert row["requestparameters"] == {"password": "[redacted password]", "name": "mira"}
    (row,) = rows_without_secrets([{"secret": "prod/billing"}], ["secret"], "")
    assert row["secret"] != "prod/billing"
