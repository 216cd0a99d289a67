"""Which actions serve an intruder, and which people take on their own account."""

import pytest

from triage.logtypes import Harm, harmful_action, is_self_service, knows_harmful_actions


@pytest.mark.parametrize(
    ("log_type", "action", "harm"),
    [
        ("AWS.CloudTrail", "StopLogging", Harm.EVASION),
        ("AWS.CloudTrail", "createaccesskey", Harm.PERSISTENCE),
        ("Okta.SystemLog", "system.api_token.create", Harm.PERSISTENCE),
        ("GitHub.Audit", "repo.access", Harm.EXPOSURE),
        ("GitHub.Audit", "repository_secret_scanning_push_protection.disable", Harm.EVASION),
        ("GSuite.ActivityEvent", "email_forwarding_out_of_domain", Harm.PERSISTENCE),
        ("GSuite.ActivityEvent", "GRANT_ADMIN_PRIVILEGE", Harm.PRIVILEGE),
        ("Azure.MonitorActivity", "microsoft.insights/diagnosticsettings/delete", Harm.EVASION),
        ("Azure.MonitorActivity", "microsoft.storage/storageaccounts/listkeys/action", Harm.CREDENTIALS),
        ("Azure.Audit", "Add member to role", Harm.PRIVILEGE),
        ("Amazon.EKS.Audit", "create pods/exec", Harm.EXECUTION),
        ("Amazon.EKS.Audit", "create clusterrolebindings/", Harm.PRIVILEGE),
        ("GCP.AuditLog", "google.iam.admin.v1.CreateServiceAccountKey", Harm.PERSISTENCE),
        ("GCP.AuditLog", "io.k8s.core.v1.pods.exec.create", Harm.EXECUTION),
        ("Snowflake.QueryHistory", "UNLOAD", Harm.COLLECTION),
        ("Crowdstrike.FDREvent", r"ProcessRollup2 \Device\HarddiskVolume1\Windows\System32\vssadmin.exe", Harm.DESTRUCTION),
        ("OneLogin.Events", "72", Harm.PRIVILEGE),
    ],
)  # fmt: skip
def test_actions_that_serve_an_intruder_are_known(log_type: str, action: str, harm: Harm) -> None:
    """Each log type's actions are found by name or glob, whatever the letter case."""
    found = harmful_action(log_type, action)

    assert found is not None
    assert found.harm is harm
    assert knows_harmful_actions(log_type)


@pytest.mark.parametrize(
    ("log_type", "action"), [("AWS.CloudTrail", "ListBuckets"), ("GitHub.Audit", "git.push"), ("X", "y")]
)
def test_ordinary_work_is_no_harm(log_type: str, action: str) -> None:
    """Reading lists and pushing code are not noted."""
    assert harmful_action(log_type, action) is None


def test_people_enrol_their_own_devices() -> None:
    """Self-service is a matter of log type and action."""
    assert is_self_service("Okta.SystemLog", "device.enrollment.create")
    assert not is_self_service("Okta.SystemLog", "system.api_token.create")
    assert not knows_harmful_actions("Made.Up")


@pytest.mark.parametrize(
    ("action", "harm"),
    [
        ("DISABLE_MFA", Harm.EVASION),
        ("audit.policyDeleted", Harm.EVASION),
        ("role_assigned", Harm.PRIVILEGE),
        ("api token created", Harm.PERSISTENCE),
        ("viewSecretKey", Harm.CREDENTIALS),
        ("board.made_public", Harm.EXPOSURE),
        ("workspace.deleted", Harm.DESTRUCTION),
        ("org_export_started", Harm.COLLECTION),
        ("page.viewed", None),
        ("user.logged_in", None),
        ("", None),
    ],
)
def test_words_tell_of_harm_where_no_file_does(action: str, harm: Harm | None) -> None:
    """Only for logs without a list of their own: there the list is the answer."""
    note = harmful_action("Acme.Doors", action)
    assert (note.harm if note is not None else None) is harm
    assert not knows_harmful_actions("Acme.Doors")
    assert harmful_action("Okta.SystemLog", "board.made_public") is None
