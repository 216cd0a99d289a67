"""Rules on Okta's system log."""

import json

from tools.worlds.lake import LogType

from .rule import Detection, Kind

_OKTA = LogType.OKTA

DETECTIONS = (
    Detection(
        id="Okta.User.FactorsReset",
        name="All factors of a user reset by somebody else",
        severity="MEDIUM",
        description="The second factors of a user were removed by the help desk or an administrator.",
        runbook=(
            "Check whether this actor reset factors in the past 30 days",
            "Find the next sign-in of the user and the enrolment of the new factor: address, country, device",
            "Compare them with the user's sign-ins of the past 30 days",
        ),
        log_type=_OKTA,
        techniques=("TA0003:T1556.006",),
        tags=("Okta",),
        reference="https://developer.okta.com/docs/reference/api/event-types/",
        summary=("p_any_emails",),
        body="""
            def target(event):
                users = [each for each in event.get("target", []) if each.get("type") == "User"]
                return users[0].get("alternateId") if users else None


            def rule(event):
                return event.get("eventType") == "user.mfa.factor.reset_all" and target(event) != event.deep_get(
                    "actor", "alternateId"
                )


            def title(event):
                return f"{event.deep_get('actor', 'alternateId')} reset the factors of {target(event)}"


            def alert_context(event):
                return {
                    "actor": event.deep_get("actor", "alternateId"),
                    "user": target(event),
                    "ipAddress": event.deep_get("client", "ipAddress"),
                }
        """,
    ),
    Detection(
        id="Okta.User.AdminRoleGranted",
        name="Administrator role granted",
        severity="CRITICAL",
        description="A user received an administrator role of the identity provider.",
        runbook=(
            "Check whether this actor granted such roles in the past 30 days, and to whom",
            "Look at the sign-in of the actor's session: address, country, failures before it",
            "Check whether the user is new, and from where the user signs in after the grant",
        ),
        log_type=_OKTA,
        techniques=("TA0003:T1098.003",),
        tags=("Okta",),
        reference="https://developer.okta.com/docs/reference/api/event-types/",
        summary=("p_any_emails",),
        body="""
            def target(event):
                users = [each for each in event.get("target", []) if each.get("type") == "User"]
                return users[0].get("alternateId") if users else None


            def role(event):
                return event.deep_get("debugContext", "debugData", "privilegeGranted", default="a role")


            def rule(event):
                return event.get("eventType") == "user.account.privilege.grant" and "dministrator" in role(event)


            def title(event):
                return f"{event.deep_get('actor', 'alternateId')} granted {role(event)} to {target(event)}"


            def alert_context(event):
                return {
                    "actor": event.deep_get("actor", "alternateId"),
                    "user": target(event),
                    "role": role(event),
                    "ipAddress": event.deep_get("client", "ipAddress"),
                }
        """,
    ),
    Detection(
        id="Okta.APIToken.Created",
        name="API token created",
        severity="MEDIUM",
        description="Somebody made a token with which programs act in their name.",
        runbook=(
            "Check whether this actor made tokens in the past 30 days",
            "Check at which addresses the session was used, and whether it signed in at this one",
            "Check whether an older token was revoked, and what else the session changed within the hour",
        ),
        log_type=_OKTA,
        techniques=("TA0003:T1098.001",),
        tags=("Okta",),
        reference="https://developer.okta.com/docs/reference/api/event-types/",
        summary=("p_any_emails",),
        body="""
            def rule(event):
                return event.get("eventType") == "system.api_token.create"


            def title(event):
                return f"API token created by {event.deep_get('actor', 'alternateId')}"


            def alert_context(event):
                return {
                    "actor": event.deep_get("actor", "alternateId"),
                    "session": event.deep_get("authenticationContext", "externalSessionId"),
                    "ipAddress": event.deep_get("client", "ipAddress"),
                }
        """,
    ),
    Detection(
        id="Okta.User.FailedSignInBurst",
        name="Repeated failed sign-ins of one user",
        severity="LOW",
        description="Fifteen or more failed sign-ins of one user within half an hour.",
        runbook=(
            "Check whether the address is one that the user signed in from in the past 30 days",
            "Check whether the password was changed shortly before",
            "Check whether a sign-in from the same address succeeded afterwards",
        ),
        log_type=_OKTA,
        techniques=("TA0006:T1110",),
        tags=("Okta",),
        reference="https://developer.okta.com/docs/reference/api/event-types/",
        dedup_minutes=30,
        threshold=15,
        summary=("p_any_emails", "p_any_ip_addresses"),
        body="""
            def rule(event):
                return (
                    event.get("eventType") == "user.session.start"
                    and event.deep_get("outcome", "result") == "FAILURE"
                )


            def title(event):
                return f"Repeated failed sign-ins of {event.deep_get('actor', 'alternateId')}"


            def alert_context(event):
                return {
                    "user": event.deep_get("actor", "alternateId"),
                    "ipAddress": event.deep_get("client", "ipAddress"),
                }
        """,
    ),
    Detection(
        id="Okta.FailedSignInBurst.FOLLOWED.BY.FactorsReset",
        name="Failed sign-ins, then a reset of factors",
        severity="HIGH",
        description="A user failed to sign in many times, and within the hour somebody reset the user's factors.",
        runbook=(
            "Compare the address of the failures with those that the user signed in from in the past 30 days",
            "Find the next sign-in of the user and the enrolment of the new factor: address, country, device",
            "List what the user's account opened in the hour after",
        ),
        log_type=_OKTA,
        kind=Kind.CORRELATION_RULE,
        techniques=("TA0006:T1110", "TA0003:T1556.006"),
        tags=("Okta",),
        extra={
            "detection": json.dumps(
                [
                    {
                        "Sequence": [
                            {"ID": "Burst", "RuleID": "Okta.User.FailedSignInBurst"},
                            {"ID": "Reset", "RuleID": "Okta.User.FactorsReset"},
                        ],
                        "Transitions": [
                            {
                                "ID": "Burst FOLLOWED BY Reset",
                                "From": "Burst",
                                "To": "Reset",
                                "WithinTimeFrameMinutes": 60,
                                "Match": [{"On": "p_alert_context.user"}],
                            }
                        ],
                        "LookbackWindowMinutes": 120,
                        "Schedule": {"RateMinutes": 15, "TimeoutMinutes": 5},
                    }
                ]
            )
        },
    ),
)
