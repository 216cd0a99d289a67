"""Rules of the unseen sets on Okta, GitHub and Google Workspace."""

from tools.worlds.lake import LogType

from .rule import Detection, body

_OKTA, _GITHUB, _GSUITE = LogType.OKTA, LogType.GITHUB, LogType.GSUITE
_OKTA_ACTOR = 'event.deep_get("actor", "alternateId")'
_BY_OKTA = {
    "actor": _OKTA_ACTOR,
    "ipAddress": 'event.deep_get("client", "ipAddress")',
    "session": 'event.deep_get("authenticationContext", "externalSessionId")',
}
_BY_GITHUB = {name: f'event.get("{name}")' for name in ("actor", "actor_ip", "repo")}
_GOOGLE_ACTOR = 'event.deep_get("actor", "email")'

DETECTIONS = (
    Detection(
        id="Okta.NetworkZone.Changed",
        name="Network zone changed",
        severity="MEDIUM",
        description="Addresses were added to a zone, or taken from it; sign-in rules depend on zones.",
        runbook=(
            "Find out what the added address is, and who signed in from it before",
            "List who signs in from it afterwards, with which devices and factors",
        ),
        log_type=_OKTA,
        techniques=("TA0005:T1556.009",),
        tags=("Okta",),
        reference="https://developer.okta.com/docs/reference/api/event-types/",
        summary=("p_any_emails",),
        body=body(
            'event.get("eventType") == "zone.update" and event.deep_get("outcome", "result") == "SUCCESS"',
            "f\"Network zone changed by {event.deep_get('actor', 'alternateId')}\"",
            {**_BY_OKTA, "added": 'event.deep_get("debugContext", "debugData", "addedGateways")'},
        ),
    ),
    Detection(
        id="Okta.User.ReportedSuspiciousActivity",
        name="User reported suspicious activity",
        severity="HIGH",
        description="A user pressed the button in a mail about activity of their account.",
        runbook=(),
        log_type=_OKTA,
        techniques=("TA0001:T1078",),
        tags=("Okta",),
        reference="https://help.okta.com/en-us/content/topics/security/suspicious-activity-reporting.htm",
        summary=("p_any_emails",),
        body=body(
            'event.get("eventType") == "user.account.report_suspicious_activity_by_enduser"',
            "f\"{event.deep_get('actor', 'alternateId')} reported suspicious activity\"",
            {
                **_BY_OKTA,
                "reportedIp": 'event.deep_get("debugContext", "debugData", "suspiciousActivityEventIp")',
                "reportedCity": 'event.deep_get("debugContext", "debugData", "suspiciousActivityEventCity")',
            },
        ),
    ),
    Detection(
        id="Okta.User.PushesDenied",
        name="Several prompts denied by one user",
        severity="HIGH",
        description="A user denied five prompts or more within half an hour.",
        runbook=(
            "Compare address and device of the prompts with those the user had in the past 30 days",
            "Check whether a prompt was accepted afterwards, and where",
        ),
        log_type=_OKTA,
        techniques=("TA0006:T1621",),
        tags=("Okta",),
        reference="https://developer.okta.com/docs/reference/api/event-types/",
        dedup_minutes=30,
        threshold=5,
        summary=("p_any_emails", "p_any_ip_addresses"),
        body=body(
            'event.get("eventType") == "user.mfa.okta_verify.deny_push"',
            "f\"{event.deep_get('actor', 'alternateId')} denied several prompts\"",
            _BY_OKTA,
        ),
    ),
    Detection(
        id="GitHub.Branch.ProtectionDisabled",
        name="Protection of a branch disabled",
        severity="MEDIUM",
        description="A branch can be pushed to without review.",
        runbook=(
            "Check whether the protection was enabled again, and how soon",
            "List what was pushed meanwhile, by whom and from where",
        ),
        log_type=_GITHUB,
        techniques=("TA0005:T1562.001",),
        tags=("GitHub",),
        reference="https://docs.github.com/en/organizations/keeping-your-organization-secure",
        summary=("actor", "repo"),
        body=body(
            'event.get("action") == "protected_branch.destroy"',
            "f\"Branch protection of {event.get('repo')} disabled by {event.get('actor')}\"",
            _BY_GITHUB,
        ),
    ),
    Detection(
        id="GitHub.Repository.CollaboratorAdded",
        name="Collaborator added to a repository",
        severity="LOW",
        description="Somebody was given access to one repository.",
        runbook=(
            "Check whether the login is known from other repositories",
            "List what the login did since",
        ),
        log_type=_GITHUB,
        techniques=("TA0003:T1098",),
        tags=("GitHub",),
        summary=("actor", "repo"),
        body=body(
            'event.get("action") == "repo.add_member"',
            "f\"{event.get('actor')} added {event.get('user')} to {event.get('repo')}\"",
            {**_BY_GITHUB, "user": 'event.get("user")', "permission": 'event.get("permission")'},
        ),
    ),
    Detection(
        id="GitHub.Repository.RunnerRegistered",
        name="Self-hosted runner registered",
        severity="MEDIUM",
        description="A machine was registered that builds of a repository run on.",
        runbook=(),
        log_type=_GITHUB,
        techniques=("TA0003:T1195.002",),
        tags=("GitHub", "CI"),
        summary=("actor", "repo"),
        body=body(
            'event.get("action") == "repo.register_self_hosted_runner"',
            "f\"Runner registered for {event.get('repo')} by {event.get('actor')}\"",
            {**_BY_GITHUB, "runner": 'event.get("runner_name")'},
        ),
    ),
    Detection(
        id="GitHub.Repository.MadePublic",
        name="Repository made public",
        severity="CRITICAL",
        description="Everybody can read a repository that was private.",
        runbook=(
            "Find out what the repository is for: since when it exists, who works on it",
            "Check whether the person who did it was at work at that address",
            "Check whether it was made private again, and who cloned it meanwhile",
        ),
        log_type=_GITHUB,
        techniques=("TA0010:T1567.001",),
        tags=("GitHub",),
        summary=("actor", "repo"),
        body=body(
            'event.get("action") == "repo.access" and event.get("visibility") == "public"',
            "f\"{event.get('repo')} made public by {event.get('actor')}\"",
            {**_BY_GITHUB, "visibility": 'event.get("visibility")'},
        ),
    ),
    Detection(
        id="GSuite.Mail.ForwardedOutside",
        name="Mail forwarded outside the company",
        severity="HIGH",
        description="A user lets all mail be forwarded to an address outside the company.",
        runbook=(
            "Check who else forwards to this domain, and since when",
            "Check the sign-in before it: address, device",
            "List what the account did at this address",
        ),
        log_type=_GSUITE,
        techniques=("TA0009:T1114.003",),
        tags=("Google Workspace",),
        summary=("actor:email",),
        body=body(
            'event.get("name") == "email_forwarding_out_of_domain"',
            "f\"{event.deep_get('actor', 'email')} forwards mail outside the company\"",
            {
                "actor": _GOOGLE_ACTOR,
                "ipAddress": 'event.get("ipAddress")',
                "target": 'event.deep_get("parameters", "email_forwarding_destination_address")',
            },
        ),
    ),
    Detection(
        id="GSuite.Drive.ManyTrashed",
        name="Many documents thrown away",
        severity="MEDIUM",
        description="One person threw twenty documents or more away within an hour.",
        runbook=("Check who owns the documents", "Check what the person did with them before"),
        log_type=_GSUITE,
        techniques=("TA0040:T1485",),
        tags=("Google Workspace",),
        threshold=20,
        summary=("actor:email",),
        body=body(
            'event.get("name") == "trash"',
            "f\"{event.deep_get('actor', 'email')} threw many documents away\"",
            {
                "actor": _GOOGLE_ACTOR,
                "ipAddress": 'event.get("ipAddress")',
                "document": 'event.deep_get("parameters", "doc_id")',
                "owner": 'event.deep_get("parameters", "owner")',
            },
        ),
    ),
)
