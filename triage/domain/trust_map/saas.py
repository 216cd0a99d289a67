"""Applications: code hosting, office suites, data platforms.

Sources: GitHub "audit log events for your enterprise"; Google "Reports API: Activities"; Snowflake account usage views;
Slack "Audit Logs API"; Zoom "sign in / out activities" and "operation logs".
"""

SAAS = {
    # A login name is its owner's choice but of a narrow alphabet, and it names one account. Names of repositories,
    # branches, hooks and apps are free text.
    "GitHub.Audit": """
        provider _document_id action actor actor_id actor_ip actor_is_bot actor_is_agent actor_location.country_code
        provider at_sign_timestamp @timestamp created_at business business_id org org_id repo_id user user_id
        provider operation_type token_id hashed_token programmatic_access_type token_scopes transport_protocol
        provider transport_protocol_name external_identity_nameid oauth_application_id public_repo repository_public
        provider workflow_id workflow_run_id hook_id ruleset_id
    """,
    # `parameters` is what the event is about; only the verdicts of Google's own login checks are Google's.
    "GSuite.ActivityEvent": """
        provider kind id.** ipAddress actor.email actor.profileId actor.callerType ownerDomain name type
        provider parameters.is_suspicious parameters.is_second_factor parameters.login_challenge_status
        provider parameters.login_challenge_method.** parameters.login_type parameters.login_failure_type
    """,
    # A failed login is logged under the name that was typed.
    "Snowflake.LoginHistory": """
        provider EVENT_ID EVENT_TIMESTAMP EVENT_TYPE CLIENT_IP FIRST_AUTHENTICATION_FACTOR SECOND_AUTHENTICATION_FACTOR
        provider IS_SUCCESS ERROR_CODE RELATED_EVENT_ID CONNECTION
        identifier USER_NAME ERROR_MESSAGE
    """,
    "Snowflake.QueryHistory": """
        provider QUERY_ID SESSION_ID USER_NAME START_TIME END_TIME EXECUTION_STATUS ERROR_CODE QUERY_TYPE ROLE_NAME
        provider ROLE_TYPE WAREHOUSE_ID WAREHOUSE_SIZE WAREHOUSE_TYPE TOTAL_ELAPSED_TIME BYTES_SCANNED BYTES_WRITTEN
        provider ROWS_PRODUCED ROWS_INSERTED ROWS_UPDATED ROWS_DELETED ROWS_UNLOADED BYTES_DELETED
        provider OUTBOUND_DATA_TRANSFER_BYTES OUTBOUND_DATA_TRANSFER_CLOUD OUTBOUND_DATA_TRANSFER_REGION
    """,
    "Snowflake.Sessions": """
        provider SESSION_ID CREATED_ON USER_NAME AUTHENTICATION_METHOD LOGIN_EVENT_ID CLOSED_REASON
    """,
    "Snowflake.GrantsToUsers": """
        provider CREATED_ON DELETED_ON GRANTED_TO GRANTED_BY
    """,
    "Snowflake.GrantsToRoles": """
        provider CREATED_ON MODIFIED_ON DELETED_ON PRIVILEGE GRANTED_ON GRANTED_TO GRANT_OPTION GRANTED_BY
    """,
    "Snowflake.DataTransferHistory": """
        provider START_TIME END_TIME SOURCE_CLOUD SOURCE_REGION TARGET_CLOUD TARGET_REGION BYTES_TRANSFERRED
        provider TRANSFER_TYPE
    """,
    "Snowflake.*": """
        provider CREATED_ON DELETED_ON START_TIME END_TIME QUERY_ID SESSION_ID
    """,
    "Slack.AuditLogs": """
        provider id date_create action actor.type actor.user.id actor.user.email actor.user.team
        provider entity.type entity.user.id entity.user.email entity.user.team entity.workspace.id entity.enterprise.id
        provider entity.channel.id entity.file.id entity.app.id entity.role.id entity.usergroup.id
        provider context.ip_address context.session_id context.location.type context.location.id
        provider details.reason.** details.export_type
    """,
    "Zoom.Activity": """
        provider email time type ip_address
    """,
    "Zoom.Operation": """
        provider time operator category_type action
    """,
}
"""Log type to table."""
