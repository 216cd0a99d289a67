"""Rules on GitHub and Google Workspace."""

from tools.worlds.lake import LogType

from .rule import Detection, Kind

_GITHUB = LogType.GITHUB
_GSUITE = LogType.GSUITE

DETECTIONS = (
    Detection(
        id="GitHub.SecretScanning.Disabled",
        name="Secret scanning turned off",
        severity="HIGH",
        description="Secret scanning was turned off for a repository.",
        runbook=(
            "Check whether this actor turned scanning off in the past 30 days",
            "Check whether it was turned on again within the hour",
            "List the repositories that the actor cloned in the hour after, and the address they were cloned from",
        ),
        log_type=_GITHUB,
        techniques=("TA0005:T1562.001",),
        tags=("GitHub",),
        reference="https://docs.github.com/en/code-security/secret-scanning",
        summary=("actor", "repo"),
        body="""
            def rule(event):
                return event.get("action") == "repository_secret_scanning.disable"


            def title(event):
                return f"Secret scanning turned off by {event.get('actor')}"


            def dedup(event):
                return f"{event.get('actor')} {event.get('repo')}"


            def alert_context(event):
                return {key: event.get(key) for key in ("actor", "actor_ip", "repo", "user_agent")}
        """,
    ),
    Detection(
        id="GitHub.DeployKey.Added",
        name="Deploy key added",
        severity="MEDIUM",
        description="A repository received a key with which programs can read it.",
        runbook=(
            "Check whether this actor added keys in the past 30 days",
            "Find the first uses of the key's fingerprint and the addresses they come from",
            "Check whether an older key of the repository was removed within the hour",
        ),
        log_type=_GITHUB,
        techniques=("TA0003:T1098.004",),
        tags=("GitHub",),
        reference="https://docs.github.com/en/authentication/connecting-to-github-with-ssh/managing-deploy-keys",
        summary=("actor", "repo"),
        body="""
            def rule(event):
                return event.get("action") == "public_key.create" and bool(event.get("repo"))


            def title(event):
                return f"Deploy key added to {event.get('repo')} by {event.get('actor')}"


            def alert_context(event):
                return {key: event.get(key) for key in ("actor", "actor_ip", "repo", "fingerprint")}
        """,
    ),
    Detection(
        id="GSuite.Drive.SharedOutside",
        name="Document shared outside the company",
        severity="LOW",
        description="Somebody outside the company was given access to a document.",
        runbook=(
            "Check whether documents were shared with this domain in the past 30 days, and by whom",
            "Check whether the documents belong to the actor's own team",
            "Find out who opened them since, and from which address",
        ),
        log_type=_GSUITE,
        techniques=("TA0010:T1567.002",),
        tags=("Google Workspace",),
        reference="https://developers.google.com/admin-sdk/reports/v1/appendix/activity/drive",
        summary=("actor:email",),
        body="""
            def rule(event):
                return (
                    event.get("name") == "change_user_access"
                    and event.deep_get("parameters", "visibility_change") == "external"
                )


            def title(event):
                return f"{event.deep_get('actor', 'email')} shared a document outside the company"


            def dedup(event):
                return f"{event.deep_get('actor', 'email')} {event.deep_get('parameters', 'doc_id')}"


            def alert_context(event):
                return {
                    "actor": event.deep_get("actor", "email"),
                    "ipAddress": event.get("ipAddress"),
                    "document": event.deep_get("parameters", "doc_id"),
                    "target": event.deep_get("parameters", "target_user"),
                }
        """,
    ),
    Detection(
        id="GSuite.Drive.ManyDownloads",
        name="Many documents downloaded",
        severity="MEDIUM",
        description="One person downloaded thirty documents or more within an hour.",
        runbook=(
            "Check whether this person, or colleagues, downloaded as many in the past 30 days",
            "Check who owns the documents, and whether the person had opened them before",
            "Check whether the person is about to leave, and what was done with the files",
        ),
        log_type=_GSUITE,
        techniques=("TA0009:T1530",),
        tags=("Google Workspace",),
        reference="https://developers.google.com/admin-sdk/reports/v1/appendix/activity/drive",
        threshold=30,
        summary=("actor:email",),
        body="""
            def rule(event):
                return event.get("name") == "download" and event.deep_get("id", "applicationName") == "drive"


            def title(event):
                return f"{event.deep_get('actor', 'email')} downloaded many documents"


            def alert_context(event):
                return {
                    "actor": event.deep_get("actor", "email"),
                    "ipAddress": event.get("ipAddress"),
                    "document": event.deep_get("parameters", "doc_id"),
                    "owner": event.deep_get("parameters", "owner"),
                }
        """,
    ),
    Detection(
        id="GSuite.Accounts.Unused",
        name="Accounts that nobody uses",
        severity="LOW",
        description="Rows of a weekly query for accounts without a sign-in.",
        runbook=("Ask the account's manager whether it is still needed",),
        kind=Kind.SCHEDULED_RULE,
        tags=("Google Workspace",),
        body="""
            def rule(event):
                return True


            def title(event):
                return f"Unused account: {event.get('email')}"
        """,
        extra={"scheduledQueries": ["Unused accounts, weekly"]},
    ),
)
