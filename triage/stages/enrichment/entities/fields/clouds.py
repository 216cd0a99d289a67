"""Azure, Microsoft 365, Google Cloud and Kubernetes."""

_KUBERNETES = """
actor  user        user.username
actor  arn         user.extra.arn.* user.extra.arn user.extra.canonicalArn.*
actor  access_key  user.extra.accessKeyId.*
actor  session     user.extra.sessionName.*
actor  actor_id    user.uid
source ip          sourceIPs.* sourceIPs
target user        impersonatedUser.username
target resource    objectRef.name objectRef.namespace requestURI
target user        requestObject.subjects.*[kind=User].name
target resource    requestObject.subjects.*[kind=ServiceAccount].name requestObject.subjects.*[kind=Group].name
target resource    requestObject.roleRef.name requestObject.metadata.name
target url         requestObject.webhooks.*.clientConfig.url
target resource    requestObject.spec.containers.*.image requestObject.spec.template.spec.containers.*.image
target domain      requestObject.spec.rules.*.host
"""


def _below(prefix: str, table: str) -> str:
    """The same table for a record that lies inside another."""
    lines = []
    for line in table.strip().splitlines():
        role, hint, *paths = line.split()
        lines.append(" ".join((role, hint, *(prefix + path for path in paths))))
    return "\n".join(lines)


TABLES = {
    "Amazon.EKS.Audit": _KUBERNETES,
    "Azure.MonitorActivity": """
actor  user        identity.claims.{http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn}
actor  user        identity.claims.upn caller
actor  user        identity.claims.{http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress}
actor  name        identity.claims.{http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name}
actor  name        identity.claims.name
actor  actor_id    identity.claims.oid identity.claims.appid
actor  actor_id    identity.claims.{http://schemas.microsoft.com/identity/claims/objectidentifier}
actor  actor_id    identity.authorization.evidence.principalId identity.tokenHash
source ip          callerIpAddress identity.claims.ipaddr
target resource    resourceId properties.entity uri properties.objectKey properties.accountName
target actor_id    properties.requestbody.Properties.PrincipalId properties.requestbody.properties.principalId
target scan        properties.requestbody properties.responseBody
other  resource    tenantId identity.authorization.scope
other  trace       correlationId
"""
    + _below("properties.log.", _KUBERNETES),
    "Azure.Audit": """
actor  user        properties.userPrincipalName properties.initiatedBy.user.userPrincipalName
actor  actor_id    properties.initiatedBy.user.id properties.userId properties.servicePrincipalId
actor  name        properties.initiatedBy.user.displayName properties.userDisplayName
actor  name        properties.initiatedBy.app.displayName properties.servicePrincipalName identity
actor  actor_id    properties.initiatedBy.app.servicePrincipalId properties.initiatedBy.app.appId
source ip          callerIpAddress properties.ipAddress properties.initiatedBy.user.ipAddress ipAddress
source resource    properties.deviceDetail.deviceId
target user        properties.targetResources.*.userPrincipalName
target resource    properties.targetResources.*.displayName properties.targetResources.*.id
target resource    properties.resourceDisplayName properties.resourceId
other  resource    properties.appDisplayName properties.appId resourceId
other  trace       correlationId properties.correlationId
""",
    "Microsoft365.Audit.*": """
actor  user        UserId
actor  actor_id    UserKey Actor.*.ID
source ip          ClientIP ActorIpAddress ClientIPAddress
target user        TargetUserOrGroupName MailboxOwnerUPN
target user        Parameters.*[Name=Identity].Value Parameters.*[Name=User].Value
target email       Parameters.*[Name=ForwardingSmtpAddress].Value Parameters.*[Name=ForwardTo].Value
target email       Parameters.*[Name=RedirectTo].Value
target resource    ObjectId Target.*.ID SiteUrl SourceFileName
other  detect      Parameters.*.Value
other  resource    OrganizationName ApplicationId
""",
    "MicrosoftDefenderXDR.AdvancedHunting": """
actor  user        properties.AccountUpn properties.AccountName properties.InitiatingProcessAccountUpn
source ip          properties.RemoteIP
target host        properties.DeviceName properties.AdditionalFields.HostName
target actor_id    properties.DeviceId
target hash        properties.SHA256 properties.SHA1
target resource    properties.AlertId properties.FileName
target domain      properties.AdditionalFields.DnsDomain
""",
    "MicrosoftGraph.SecurityAlertV2": """
actor  user        evidence.*.userAccount.userPrincipalName evidence.*.userAccount.accountName
actor  actor_id    evidence.*.userAccount.azureAdUserId actorDisplayName
source ip          evidence.*.ipAddress
target host        evidence.*.deviceDnsName evidence.*.hostName
target user        evidence.*.primaryAddress
target hash        evidence.*.fileDetails.sha256
target url         evidence.*.url
other  resource    tenantId
""",
    "MicrosoftIntune.AuditLogs": """
actor  user        identity properties.Actor.UPN
actor  actor_id    properties.Actor.ObjectId
actor  name        properties.Actor.ApplicationName
target resource    properties.TargetDisplayNames.* properties.TargetObjectIds.* properties.Targets.*.Name
""",
    "MicrosoftIntune.OperationalLogs": """
actor  user        properties.UserName
actor  actor_id    properties.IntuneUserId
actor  name        properties.UserDisplayName
target host        properties.DeviceHostName properties.DeviceNetBiosName properties.DeviceDnsDomain
target resource    properties.DeviceName properties.IntuneDeviceId
""",
    "Windows.EventLogs": """
actor  user        ExtraEventData.SubjectUserName
actor  actor_id    ExtraEventData.SubjectUserSid UserID
source ip          ExtraEventData.IpAddress
source host        ExtraEventData.WorkstationName
target user        ExtraEventData.TargetUserName
target actor_id    ExtraEventData.TargetSid ExtraEventData.TargetUserSid
target host        Computer
target resource    ExtraEventData.NewProcessName ExtraEventData.ObjectName ExtraEventData.ServiceName
""",
    "GCP.AuditLog": """
actor  user        protoPayload.authenticationInfo.principalEmail
actor  principal   protoPayload.authenticationInfo.principalSubject
actor  user        protoPayload.authenticationInfo.serviceAccountDelegationInfo.*.firstPartyPrincipal.principalEmail
actor  principal   protoPayload.authenticationInfo.serviceAccountDelegationInfo.*.principalSubject
actor  resource    protoPayload.authenticationInfo.serviceAccountKeyName
source ip          protoPayload.requestMetadata.callerIp
target principal   protoPayload.serviceData.policyDelta.bindingDeltas.*.member
target principal   protoPayload.request.policy.bindings.*.members.*
target resource    protoPayload.resourceName protoPayload.authorizationInfo.*.resource authorizationInfo.*.resource
target email       resource.labels.email_id
target resource    resource.labels.bucket_name resource.labels.instance_id resource.labels.cluster_name
target resource    resource.labels.project_id resource.labels.role_name
target resource    protoPayload.request.sink.destination
target detect      protoPayload.metadata.event.*.parameter.*.value
target resource    protoPayload.request.name protoPayload.request.metadata.name protoPayload.request.serviceAccounts.*.email
other  service     protoPayload.serviceName
other  detect      protoPayload.request.** protoPayload.response.** protoPayload.metadata.**
""",
    "GCP.HTTPLoadBalancer": """
source ip          httpRequest.remoteIp jsonPayload.remoteIp
target ip          httpRequest.serverIp
target url         httpRequest.requestUrl
target resource    resource.labels.backend_service_name resource.labels.url_map_name
other  resource    resource.labels.project_id jsonPayload.enforcedSecurityPolicy.name
""",
}
"""Log type to table. Audit records of AKS lie in `properties.log` of Azure's."""
