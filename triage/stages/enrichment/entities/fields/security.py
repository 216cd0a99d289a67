"""Endpoints, networks, mail gateways, data platforms, scanners and decoys."""

_FALCON = """
actor  user        UserName
actor  actor_id    UserSid UserId UserPrincipal
source ip          aip
source ip          LocalAddressIP4 LocalIP LocalAddressIP6
target host        ComputerName Hostname HostnameField
target trace       aid AgentIdString SensorId
target ip          RemoteAddressIP4 RemoteAddressIP6
target domain      DomainName
target hash        SHA256HashData SHA1HashData MD5HashData SHA256String SHA1String MD5String
target resource    FileName ImageFileName
other  trace       TargetProcessId TreeId
"""


def _falcon(*prefixes: str) -> str:
    lines = []
    for line in _FALCON.strip().splitlines():
        role, hint, *paths = line.split()
        lines.append(" ".join((role, hint, *(prefix + path for prefix in prefixes for path in paths))))
    return "\n".join(lines)


_SNOWFLAKE = """
actor  user        USER_NAME
source ip          CLIENT_IP
target resource    DATABASE_NAME SCHEMA_NAME
other  role        ROLE_NAME
other  resource    WAREHOUSE_NAME
other  trace       QUERY_ID SESSION_ID
"""

TABLES = {
    "AppOmni.Alerts": """
actor  user        related.user.*
source ip          related.ip.*
target resource    related.services.type.* rule.name
""",
    "Axonius.Activity": """
actor  user        event.user
source ip          event.params.ip
target user        event.params.user_name
target resource    event.params.config_id event.params.source event.params.vendor_name event.params.name
""",
    "CarbonBlack.Audit": """
actor  user        loginName
source ip          clientIp
target resource    requestUrl
other  resource    orgName
""",
    "CarbonBlack.AlertV2": """
actor  user        process_username device_username
source ip          device_external_ip
target host        device_name
target ip          device_internal_ip netconn_remote_ip
target actor_id    device_id
target hash        process_sha256 process_md5 childproc_sha256 blocked_sha256
target domain      netconn_remote_domain
target resource    process_name
other  hash        parent_sha256
other  user        childproc_username parent_username
""",
    "CiscoUmbrella.DNS": """
actor  name        identity policyIdentity
source ip          internalIp externalIp
target domain      domain DomainName
""",
    "Cloudflare.*": """
source ip          ClientIP
target domain      ClientRequestHost EdgeRequestHost
target resource    ClientRequestPath ClientRequestURI
target ip          OriginIP
other  trace       RayID
other  resource    ZoneName RuleID
""",
    "Crowdstrike.FDREvent": _falcon("event.", ""),
    "Crowdstrike.EventStreams": """
actor  user        event.UserId
source ip          event.UserIp
target user        event.AuditKeyValues.*[Key=target_name].ValueString event.AuditKeyValues.*[Key=target_uuid].ValueString
target user        event.AuditKeyValues.*[Key=target_user_id].ValueString
other  detect      event.AuditKeyValues.*.ValueString
"""
    + _falcon("event."),
    "Crowdstrike.Unknown": _falcon("unknown_payload.", ""),
    "Crowdstrike.*": _falcon("", "event."),
    "Databricks.Audit": """
actor  user        userIdentity.email
actor  actor_id    userIdentity.subjectName
source ip          sourceIPAddress
target user        requestParams.targetUserName requestParams.user requestParams.principal requestParams.owner
target resource    requestParams.targetGroupName requestParams.name requestParams.clusterId requestParams.tokenId
target resource    requestParams.path requestParams.mountPoint requestParams.metastoreId requestParams.listId
target scan        requestParams
other  resource    accountId workspaceId serviceName
""",
    "Orca.Alert": """
target resource    asset_name asset_unique_id
target host        asset_hostname
target ip          asset_first_public_ips.* asset_first_private_ips.*
target resource    asset_vendor_id vm_id
target account     account_name cloud_vendor_id
other  resource    cluster_name
""",
    "Osquery.*": """
actor  user        columns.username columns.user
source ip          columns.host columns.remote_address
target host        hostIdentifier decorations.hostname
target resource    columns.path columns.name columns.directory
target hash        columns.sha256 columns.md5
other  actor_id    decorations.host_uuid
""",
    "Proofpoint.Event": """
actor  email       sender fromAddress.* headerFrom
source ip          senderIP
target email       recipient.* toAddresses.* ccAddresses.*
target url         threatsInfoMap.*[threatType=url].threat
target hash        threatsInfoMap.*.threatID
target resource    threatsInfoMap.*[threatType=attachment].threat
other  trace       messageID
""",
    "PushSecurity.*": """
actor  email       new.employee.email new.email old.email
actor  actor_id    new.employeeId new.employee.id old.employeeId
source ip          new.sourceIpAddress
target resource    new.appType new.appId new.type new.accountId old.type old.appType
target url         new.url
other  url         new.referrerUrl
""",
    "SentinelOne.Activity": """
actor  user        data.username data.byUser
actor  actor_id    userid data.userid
source ip          data.ipaddress
target host        data.computername
target ip          data.agentipv4 data.dstip
target actor_id    agentid
target hash        data.filecontenthash
target resource    data.filedisplayname data.filepath data.rulename threatid
other  resource    accountname sitename
""",
    "SOCRadar.Incidents": """
target email       content.compromised_emails content.compromised_emails.*
target user        content.username
target host        content.computer_name
target ip          content.compromised_ips content.compromised_ips.*
source ip          content.ip_address
source domain      content.phishing_domain
source url         content.content_link
target resource    alarm_asset content.matched_asset.*
""",
    "Snowflake.*": _SNOWFLAKE,
    "Snowflake.GrantsToUsers": """
actor  user        GRANTED_BY
target user        GRANTEE_NAME
target role        ROLE
""",
    "Snowflake.GrantsToRoles": """
actor  role        GRANTED_BY
target role        GRANTEE_NAME
target resource    NAME TABLE_CATALOG
""",
    "Snowflake.DataTransferHistory": """
target resource    TARGET_REGION TARGET_CLOUD
other  resource    SOURCE_REGION
""",
    "Suricata.DNS": """
source ip          src_ip
target ip          dest_ip
target domain      dns.rrname query.*.rrname dns.query.*.rrname
""",
    "Zeek.DNS": """
source ip          {id.orig_h} id.orig_h
target ip          {id.resp_h} id.resp_h
target domain      query
""",
    "ThinkstCanary.Alert": """
actor  user        AdditionalDetails.*[0=User].1
source ip          SourceIP SrcHost
source host        ReverseDNS
target host        CanaryName
target ip          CanaryIP
target resource    CanaryID Token Reminder CanaryLocation
""",
    "Tracebit.Alert": """
actor  arn         principal.aws.arn
actor  user        principal.okta.alternate_id
actor  actor_id    principal.okta.id principal.azure.app_id principal.id
source ip          event.request.ip
target arn         canary.aws.arn
target resource    canary.name canary.azure.resource_id canary.provider_id event.resources.*.id
target access_key  canary_credential.aws.access_key_id
target domain      canary.okta.domain
target user        canary_credential.name
target account     canary.aws.account_id canary.provider_account_id
""",
    "Upwind.Detections": """
actor  arn         triggers.*.events.*.initiator.arn
actor  user        triggers.*.events.*.initiator.userName triggers.*.events.*.initiator.name
actor  access_key  triggers.*.events.*.initiator.accessKeyId
actor  user        triggers.*.events.*.data.user_name
source ip          triggers.*.events.*.initiator.ip triggers.*.events.*.data.src_ip
target resource    resource.name resource.upwind_asset_id resource.cluster_id
target account     resource.cloud_account_id
""",
    "Wiz.Audit": """
actor  user        user.name user.id
actor  name        serviceAccount.name
actor  actor_id    serviceAccount.id
source ip          sourceIP
target email       actionParameters.input.email actionParameters.input.patch.contacts.*
target resource    actionParameters.input.name actionParameters.input.id actionParameters.ID
target domain      actionParameters.input.patch.approvedUserDomains.*
other  trace       requestId
""",
    "Wiz.Detections": """
actor  principal   primaryActor.name primaryActor.externalId actors.*.name
actor  actor_id    primaryActor.id
source ip          triggeringEvents.*.actorIP
target resource    primaryResource.name primaryResource.externalId resources.*.name resources.*.externalId
target account     cloudAccounts.*.externalId primaryResource.cloudAccount.externalId
""",
    "Wiz.Issues": """
target resource    entitySnapshot.name entitySnapshot.externalId entitySnapshot.providerId
target resource    entitySnapshot.subscriptionExternalId entitySnapshot.subscriptionName
other  resource    projects.*.name
""",
    "Wiz.IssuesWebhook": """
target resource    resource.name resource.id
target account     resource.subscriptionId
other  resource    issue.id
""",
    "Zscaler.*": """
actor  user        event.adminid
source ip          event.clientip
target resource    event.resource
target user        event.postaction.loginName event.postaction.adminLogin event.postaction.userName
target user        event.preaction.loginName event.preaction.adminLogin event.preaction.userName
target email       event.postaction.email event.preaction.email
target url         event.postaction.cloudNssSiemConfiguration.connectionURL
""",
}
"""Log type to table."""
