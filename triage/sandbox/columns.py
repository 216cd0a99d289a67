"""What the lake knows of its columns: their kinds, and the standard columns that every Panther table has.

A recorded world holds only the fields that occurred in it. A real Panther table has every column of its schema, so a
query on a field that merely never occurred (`errorCode` in a quiet week) answers NULL there. The well-known fields of
common log types are therefore listed here.
"""

from enum import Enum


class Kind(Enum):
    """The kind of a SQL value, as far as translating Snowflake needs to know it."""

    TEXT = "VARCHAR"
    NUMBER = "NUMBER"
    BOOLEAN = "BOOLEAN"
    MOMENT = "TIMESTAMP_NTZ"
    DATE = "DATE"
    VARIANT = "VARIANT"
    TEXTS = "ARRAY"
    """An array of texts, such as `p_any_ip_addresses`."""
    LIST = "ARRAY of values"
    UNKNOWN = ""


Columns = dict[str, Kind]
"""Column names in the table's own case, in order."""

INDICATORS = (
    "p_any_ip_addresses",
    "p_any_domain_names",
    "p_any_emails",
    "p_any_usernames",
    "p_any_actor_ids",
    "p_any_trace_ids",
    "p_any_aws_account_ids",
    "p_any_aws_arns",
    "p_any_aws_instance_ids",
    "p_any_aws_tags",
    "p_any_mac_addresses",
    "p_any_md5_hashes",
    "p_any_sha1_hashes",
    "p_any_sha256_hashes",
    "p_any_serial_numbers",
)
"""Panther's indicator fields (GraphQL enum `IndicatorType`)."""

STANDARD: Columns = {
    "p_event_time": Kind.MOMENT,
    "p_parse_time": Kind.MOMENT,
    "p_log_type": Kind.TEXT,
    "p_row_id": Kind.TEXT,
    "p_schema_version": Kind.NUMBER,
    "p_source_id": Kind.TEXT,
    "p_source_label": Kind.TEXT,
    "p_enrichment": Kind.VARIANT,
    "p_udm": Kind.VARIANT,
    **dict.fromkeys(INDICATORS, Kind.TEXTS),
}
"""Columns that Panther appends to every event."""

MATCH: Columns = {
    "p_alert_id": Kind.TEXT,
    "p_alert_creation_time": Kind.MOMENT,
    "p_alert_update_time": Kind.MOMENT,
    "p_alert_severity": Kind.TEXT,
    "p_alert_context": Kind.VARIANT,
    "p_rule_id": Kind.TEXT,
    "p_rule_severity": Kind.TEXT,
    "p_rule_tags": Kind.TEXTS,
    "p_rule_reports": Kind.VARIANT,
    "p_rule_error": Kind.TEXT,
}
"""Columns that Panther appends to the events in `panther_rule_matches` and to signals."""


def _columns(*, text: str = "", number: str = "", boolean: str = "", moment: str = "", variant: str = "") -> Columns:
    groups = ((text, Kind.TEXT), (number, Kind.NUMBER), (boolean, Kind.BOOLEAN), (moment, Kind.MOMENT))
    return {name: kind for names, kind in (*groups, (variant, Kind.VARIANT)) for name in names.split()}


WELL_KNOWN: dict[str, Columns] = {
    "aws_cloudtrail": _columns(
        text="eventVersion eventSource eventName awsRegion sourceIPAddress userAgent errorCode errorMessage requestID "
        "eventID eventType apiVersion recipientAccountId sharedEventID vpcEndpointId eventCategory "
        "sessionCredentialFromConsole",
        boolean="readOnly managementEvent",
        moment="eventTime",
        variant="userIdentity requestParameters responseElements additionalEventData resources serviceEventDetails "
        "tlsDetails edgeDeviceDetails insightDetails addendum",
    ),
    "aws_vpcflow": _columns(
        text="account interfaceId srcAddr dstAddr action status vpcId subNetId instanceId trafficType pktSrcAddr "
        "pktDstAddr region azId subLocationType subLocationId pktSrcAwsService pktDstAwsService flowDirection",
        number="version srcPort dstPort protocol packets bytes tcpFlags trafficPath",
        moment="start end",
    ),
    "okta_systemlog": _columns(
        text="uuid eventType legacyEventType version severity displayMessage",
        moment="published",
        variant="actor client device authenticationContext securityContext outcome target transaction debugContext "
        "request",
    ),
    "github_audit": _columns(
        text="_document_id action actor actor_ip business org repo repository user user_agent name email team "
        "permission old_permission visibility previous_visibility operation_type programmatic_access_type token_scopes "
        "hashed_token external_identity_nameid external_identity_username transport_protocol_name event head_branch "
        "head_sha request_id oauth_application_name integration",
        number="actor_id business_id org_id repo_id user_id token_id transport_protocol workflow_id workflow_run_id "
        "oauth_application_id",
        boolean="actor_is_bot public_repo repository_public",
        moment="at_sign_timestamp created_at",
        variant="actor_location data",
    ),
    "gsuite_activityevent": _columns(
        text="kind ipAddress ownerDomain name type", variant="id actor parameters resourceDetails"
    ),
    "amazon_eks_audit": _columns(
        text="kind apiVersion level auditID stage requestURI verb userAgent",
        moment="requestReceivedTimestamp stageTimestamp",
        variant="user impersonatedUser sourceIPs objectRef responseStatus requestObject responseObject annotations",
    ),
    "azure_monitoractivity": _columns(
        text="resourceId operationName operationVersion category resultType resultSignature resultDescription "
        "callerIpAddress correlationId level location tenantId uri statusText protocol schemaVersion",
        number="durationMs statusCode",
        moment="time",
        variant="identity properties",
    ),
    "azure_audit": _columns(
        text="resourceId operationName operationVersion category resultType resultSignature resultDescription "
        "callerIpAddress correlationId Level location tenantId identity",
        number="durationMs",
        moment="time",
        variant="properties",
    ),
    "gcp_auditlog": _columns(
        text="insertId logName severity trace spanId",
        moment="timestamp receiveTimestamp",
        variant="protoPayload resource operation labels",
    ),
    "crowdstrike_fdrevent": _columns(
        text="aid aip cid ConfigBuild ConfigStateHash Entitlements TreeId event_platform event_simpleName "
        "fdr_event_type id name ContextProcessId ContextThreadId ContextTimeStamp ComputerName",
        moment="timestamp",
        variant="event",
    ),
    "onepassword_signinattempt": _columns(
        text="uuid session_uuid category type country",
        moment="timestamp",
        variant="target_user client location details",
    ),
    "onepassword_itemusage": _columns(
        text="uuid item_uuid vault_uuid action",
        number="used_version",
        moment="timestamp",
        variant="user client location",
    ),
    "snowflake_loginhistory": _columns(
        text="EVENT_ID EVENT_TYPE USER_NAME CLIENT_IP REPORTED_CLIENT_TYPE REPORTED_CLIENT_VERSION "
        "FIRST_AUTHENTICATION_FACTOR SECOND_AUTHENTICATION_FACTOR IS_SUCCESS ERROR_MESSAGE RELATED_EVENT_ID",
        number="ERROR_CODE",
        moment="EVENT_TIMESTAMP",
    ),
    "snowflake_queryhistory": _columns(
        text="QUERY_ID QUERY_TEXT QUERY_TYPE QUERY_TAG DATABASE_NAME SCHEMA_NAME SESSION_ID USER_NAME ROLE_NAME "
        "WAREHOUSE_NAME EXECUTION_STATUS ERROR_CODE ERROR_MESSAGE",
        number="ROWS_PRODUCED BYTES_SCANNED BYTES_DELETED",
        moment="START_TIME END_TIME",
    ),
    "onelogin_events": _columns(
        text="event_type_id uuid actor_user_name user_name ipaddr app_name privilege_name otp_device_name "
        "authentication_factor_description",
        number="account_id actor_user_id user_id app_id risk_score",
        moment="event_timestamp",
    ),
}
"""Fields of common log types by table name, as their publishers document them."""


def expected(database: str, table: str) -> Columns:
    """The columns that a table has whether or not they occurred."""
    if database == "panther_signals":
        return {**STANDARD, **MATCH}
    known = WELL_KNOWN.get(table, {})
    return {**known, **STANDARD, **MATCH} if database == "panther_rule_matches" else {**known, **STANDARD}
