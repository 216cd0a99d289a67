"""Which events are themselves detections: reports about their actor, which the actor didn't make."""

import pytest

from triage.logtypes import harmful_action, is_detection_event, shipped_log_types


@pytest.mark.parametrize(
    ("log_type", "action"),
    [
        ("GitHub.Audit", "secret_scanning_alert.create"),
        ("GitHub.Audit", "repository_vulnerability_alert.create"),
        ("GitHub.Audit", "code_scanning.alert_created"),
        ("Okta.SystemLog", "security.threat.detected"),
        ("Okta.SystemLog", "user.risk.detect"),
        ("Okta.SystemLog", "policy.entity_risk.evaluate"),
        ("Okta.SystemLog", "app.oauth2.as.token.detect_reuse"),
        ("GSuite.ActivityEvent", "suspicious_login"),
        ("GSuite.ActivityEvent", "account_disabled_password_leak"),
        ("GSuite.ActivityEvent", "device_compromised_event"),
        ("GCP.AuditLog", "google.login.LoginService.suspiciousLogin"),
        ("Azure.Audit", "User Risk Detection"),
        ("Azure.Audit", "Risky user"),
        ("Azure.MonitorActivity", "microsoft.security/locations/alerts/activate/action"),
        ("Slack.AuditLogs", "anomaly"),
        ("Crowdstrike.FDREvent", "Event_EppDetectionSummaryEvent "),
        ("Crowdstrike.DetectionSummary", ""),
        ("AWS.GuardDuty", ""),
        ("aws.securityfindingformat", "anything"),
        ("AWS.CloudTrailInsight", "AttachRolePolicy"),
        ("MicrosoftGraph.SecurityAlertV2", ""),
        ("Wiz.Issues", ""),
    ],
)
def test_reports_about_an_actor_are_marked(log_type: str, action: str) -> None:
    """Letter case doesn't matter; where every event is a detection, the action may be unknown."""
    assert is_detection_event(log_type, action)


@pytest.mark.parametrize(
    ("log_type", "action"),
    [
        ("GitHub.Audit", "secret_scanning_alert.resolve"),
        ("GitHub.Audit", "repository_vulnerability_alert.dismiss"),
        ("GitHub.Audit", "secret_scanning.disable"),
        ("Okta.SystemLog", "policy.evaluate_sign_on"),
        ("Okta.SystemLog", "security.threat.configuration.update"),
        ("Okta.SystemLog", "user.session.start"),
        ("GSuite.ActivityEvent", "login_success"),
        ("Azure.Audit", "Update conditional access policy"),
        ("Azure.MonitorActivity", "microsoft.security/locations/alerts/dismiss/action"),
        ("Slack.AuditLogs", "native_dlp_violation_deleted"),
        ("Crowdstrike.FDREvent", r"ProcessRollup2 \Device\HarddiskVolume1\Windows\System32\cmd.exe"),
        ("AWS.CloudTrail", "UpdateFindings"),
        ("AWS.CloudTrail", ""),
        ("Made.Up", ""),
        ("", ""),
    ],
)
def test_what_people_do_is_no_report(log_type: str, action: str) -> None:
    """Dismissing an alert, changing a policy and signing in are acts, also where a product is what they act on."""
    assert not is_detection_event(log_type, action)


def test_no_action_is_both_a_report_and_harm() -> None:
    """What serves an intruder is done by somebody; a report is done by nobody."""
    for file in shipped_log_types():
        for by_seriousness in file.harmful.values():
            for globs in by_seriousness.values():
                for glob in globs:
                    assert not is_detection_event(file.log_type, glob.replace("*", "x")), (file.log_type, glob)
        for glob in file.detections:
            action = glob.replace("*", "x")
            assert glob == "*" or harmful_action(file.log_type, action) is None, (file.log_type, glob)
