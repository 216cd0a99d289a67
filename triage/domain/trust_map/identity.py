"""Identity providers, password managers and multi-factor authentication.

Sources: Okta "System Log API"; OneLogin "event resource"; 1Password "Events API"; Duo "Admin API: logs".
"""

IDENTITY = {
    # A failed login is logged under the name that was typed. The reverse DNS name (`securityContext.domain`) belongs to
    # the owner of the address, and the client computes its own fingerprint.
    "Okta.SystemLog": """
        provider uuid published eventType legacyEventType version severity displayMessage outcome.result
        provider actor.id actor.type client.ipAddress client.zone client.geographicalContext.**
        provider securityContext.asNumber securityContext.asOrg securityContext.isp securityContext.isProxy
        provider authenticationContext.externalSessionId authenticationContext.rootSessionId
        provider authenticationContext.authenticationStep authenticationContext.authenticationProvider
        provider authenticationContext.credentialProvider authenticationContext.credentialType
        provider authenticationContext.issuer.**
        provider transaction.id transaction.type transaction.detail.requestApiTokenId
        provider target.*.id target.*.type
        provider debugContext.debugData.requestId debugContext.debugData.threatSuspected debugContext.debugData.risk.**
        provider debugContext.debugData.behaviors.** debugContext.debugData.logOnlySecurityData.**
        provider debugContext.debugData.privilegeGranted debugContext.debugData.grantType
        identifier actor.alternateId outcome.reason
    """,
    # Users have display names only.
    "OneLogin.Events": """
        provider id uuid account_id event_type_id event_timestamp created_at ipaddr risk_score
        provider actor_user_id actor_system user_id assuming_acting_user_id directory_id app_id role_id group_id
        provider policy_id privilege_id otp_device_id trusted_idp_id client_id authentication_factor_id
        provider authentication_factor_type login_id resolution resource_type_id proxy_agent_id
    """,
    "OnePassword.SignInAttempt": """
        provider uuid session_uuid timestamp category type country
        provider target_user.uuid target_user.email client.ip_address location.**
    """,
    "OnePassword.ItemUsage": """
        provider uuid timestamp used_version vault_uuid item_uuid action
        provider user.uuid user.email client.ip_address location.**
    """,
    "OnePassword.AuditEvent": """
        provider uuid timestamp action object_type object_uuid aux_id aux_uuid
        provider actor_uuid actor_details.uuid actor_details.email object_details.uuid object_details.email
        provider session.uuid session.login_time session.device_uuid session.ip location.**
    """,
    "OnePassword.*": """
        provider uuid timestamp
    """,
    "Duo.Authentication": """
        provider timestamp isotimestamp txid event_type factor result reason
        provider access_device.ip access_device.location.** auth_device.location.**
        provider application.key user.key
        identifier user.name email
    """,
    "Duo.Administrator": """
        provider timestamp isotimestamp eventtype action host
    """,
    "Duo.*": """
        provider timestamp isotimestamp
    """,
}
"""Log type to table."""
