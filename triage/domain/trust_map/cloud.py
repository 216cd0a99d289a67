"""AWS, Azure, Google Cloud and Kubernetes.

Sources: AWS "CloudTrail record contents" and "CloudTrail userIdentity element"; Amazon S3 "server access log format";
Azure Monitor "activity log event schema"; Microsoft Graph `signIn` and `directoryAudit`; Google Cloud `AuditLog`;
Kubernetes `audit.k8s.io/v1`.
"""

CLOUD = {
    # `requestParameters`, `responseElements`, `resources` and `errorMessage` repeat what the caller asked for.
    "AWS.CloudTrail": """
        provider eventVersion eventTime eventSource eventName awsRegion sourceIPAddress errorCode
        provider requestID eventID readOnly eventType managementEvent recipientAccountId sharedEventID eventCategory
        provider vpcEndpointId vpcEndpointAccountId tlsDetails.tlsVersion tlsDetails.cipherSuite
        provider userIdentity.type userIdentity.accountId userIdentity.accessKeyId userIdentity.userName
        provider userIdentity.invokedBy userIdentity.identityProvider userIdentity.credentialId
        provider userIdentity.onBehalfOf.** userIdentity.inScopeOf.**
        provider userIdentity.sessionContext.sessionIssuer.** userIdentity.sessionContext.attributes.**
        provider userIdentity.sessionContext.webIdFederationData.federatedProvider
        provider userIdentity.sessionContext.ec2RoleDelivery userIdentity.sessionContext.assumedRoot
        session  userIdentity.arn userIdentity.principalId
        provider additionalEventData.MFAUsed additionalEventData.MFAIdentifier additionalEventData.x-amz-id-2
        provider additionalEventData.bytesTransferredIn additionalEventData.bytesTransferredOut
        provider insightDetails.**
        actor    insightDetails.insightContext.**
    """,
    "AWS.S3ServerAccess": """
        provider bucketowner bucket time remoteip requestid operation httpstatus errorcode bytessent objectsize
        provider totaltime turnaroundtime hostid signatureversion ciphersuite authenticationtype tlsVersion
        provider accessPointARN aclRequired
        session  requester
    """,
    "Azure.MonitorActivity": """
        provider time operationName operationName.value operationVersion category resultType resultSignature
        provider durationMs callerIpAddress correlationId level tenantId status.value
        provider identity.type identity.authorization.action identity.authorization.evidence.**
        provider identity.claims.oid identity.claims.appid identity.claims.puid identity.claims.tid
        provider identity.claims.ipaddr identity.claims.iss identity.claims.aud identity.claims.idtyp
        provider identity.claims.http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn
        provider identity.claims.http://schemas.microsoft.com/identity/claims/objectidentifier
        provider identity.claims.http://schemas.microsoft.com/identity/claims/tenantid
    """,
    # The client reports its browser, system and app; the owner of an app names it.
    "Azure.Audit": """
        provider time operationName operationVersion category tenantId resultType resultSignature durationMs
        provider callerIpAddress correlationId level location
        provider properties.id properties.createdDateTime properties.userId properties.userType properties.appId
        provider properties.ipAddress properties.location.** properties.status.errorCode properties.correlationId
        provider properties.conditionalAccessStatus properties.authenticationRequirement properties.isInteractive
        provider properties.riskDetail properties.riskLevelAggregated properties.riskLevelDuringSignIn
        provider properties.riskState properties.riskEventTypes.** properties.riskEventTypes_v2.**
        provider properties.tokenIssuerType properties.authenticationProtocol properties.resourceId
        provider properties.resourceTenantId properties.homeTenantId properties.servicePrincipalId
        provider properties.servicePrincipalCredentialKeyId properties.autonomousSystemNumber
        provider properties.uniqueTokenIdentifier properties.incomingTokenType properties.flaggedForReview
        provider properties.deviceDetail.deviceId properties.deviceDetail.isCompliant
        provider properties.deviceDetail.isManaged properties.deviceDetail.trustType
        provider properties.authenticationDetails.*.authenticationMethod properties.authenticationDetails.*.succeeded
        provider properties.authenticationDetails.*.authenticationStepDateTime
        provider properties.activityDateTime properties.activityDisplayName properties.result
        provider properties.loggedByService properties.operationType properties.category
        provider properties.initiatedBy.user.id properties.initiatedBy.user.userPrincipalName
        provider properties.initiatedBy.user.ipAddress properties.initiatedBy.app.appId
        provider properties.initiatedBy.app.servicePrincipalId
        provider properties.targetResources.*.id properties.targetResources.*.type
        identifier properties.userPrincipalName
    """,
    # `resourceName`, `request`, `response`, `metadata` and `status.message` repeat what the caller asked for.
    "GCP.AuditLog": """
        provider timestamp receiveTimestamp insertId logName severity
        provider resource.type resource.labels.project_id resource.labels.location resource.labels.zone
        provider protoPayload.methodName protoPayload.serviceName protoPayload.status.code
        provider protoPayload.authenticationInfo.principalEmail protoPayload.authenticationInfo.principalSubject
        provider protoPayload.authenticationInfo.serviceAccountKeyName
        provider protoPayload.authenticationInfo.oauthInfo.oauthClientId
        provider protoPayload.authenticationInfo.serviceAccountDelegationInfo.*.principalSubject
        provider protoPayload.authenticationInfo.serviceAccountDelegationInfo.*.firstPartyPrincipal.principalEmail
        provider protoPayload.requestMetadata.callerIp protoPayload.requestMetadata.callerNetwork
        provider protoPayload.requestMetadata.requestAttributes.time
        provider protoPayload.authorizationInfo.*.permission protoPayload.authorizationInfo.*.permissionType
        provider protoPayload.authorizationInfo.*.granted
    """,
    # `objectRef`, `requestURI` and both objects are the request. Of `sourceIPs`, the client can set all but the last.
    # The authenticator may map an IAM session into the user name, session name included.
    "Amazon.EKS.Audit": """
        provider kind apiVersion level auditID stage verb requestReceivedTimestamp stageTimestamp
        provider responseStatus.code responseStatus.status responseStatus.reason
        provider annotations.authorization.k8s.io/decision
        provider user.uid user.groups.** user.extra.accessKeyId.** user.extra.canonicalArn.** user.extra.principalId.**
        session  user.username user.extra.arn user.extra.arn.*
    """,
}
"""Log type to table."""
