"""Amazon Web Services."""

_CLOUDTRAIL = """
actor  user        userIdentity.userName
actor  arn         userIdentity.arn
actor  arn         userIdentity.sessionContext.sessionIssuer.arn
actor  role        userIdentity.sessionContext.sessionIssuer[type=Role].userName
actor  service     userIdentity.invokedBy
actor  access_key  userIdentity.accessKeyId
actor  actor_id    userIdentity.principalId userIdentity.sessionContext.sessionIssuer.principalId
actor  actor_id    userIdentity.onBehalfOf.userId
actor  account     userIdentity.accountId
source ip          sourceIPAddress
target user        requestParameters.userName requestParameters.username
target role        requestParameters.roleName
target arn         requestParameters.roleArn requestParameters.policyArn resources.*.arn
target session     requestParameters.roleSessionName
target user        responseElements.user.userName
target access_key  responseElements.accessKey.accessKeyId responseElements.credentials.accessKeyId
target account     resources.*.accountId recipientAccountId
target scan        requestParameters
target url         additionalEventData.LoginTo
other  detect      additionalEventData.** responseElements.** vpcEndpointId
other  service     eventSource
"""

TABLES = {
    "AWS.CloudTrail": _CLOUDTRAIL,
    "AWS.CloudTrailInsight": _CLOUDTRAIL,
    "AWS.ALB": """
source ip          clientIp
target ip          targetIp
target domain      domainName
target url         requestUrl
target resource    elb targetGroupArn
""",
    "AWS.BedrockModelInvocation": """
actor  arn         identity.arn
target resource    modelId
target account     accountId
""",
    "AWS.GuardDuty": """
actor  user        resource.accessKeyDetails.userName
actor  access_key  resource.accessKeyDetails.accessKeyId
actor  actor_id    resource.accessKeyDetails.principalId
actor  domain      service.action.awsApiCallAction.domainDetails.domain
actor  user        service.additionalInfo.userIdentity.user.name resource.kubernetesDetails.kubernetesUserDetails.username
source ip          service.action.awsApiCallAction.remoteIpDetails.ipAddressV4
source ip          service.action.networkConnectionAction.remoteIpDetails.ipAddressV4
source ip          service.action.portProbeAction.portProbeDetails.*.remoteIpDetails.ipAddressV4
source ip          service.action.kubernetesApiCallAction.remoteIpDetails.ipAddressV4
source ip          service.action.rdsLoginAttemptAction.remoteIpDetails.ipAddressV4
target domain      service.action.dnsRequestAction.domain
target arn         service.action.awsApiCallAction.affectedResources.* resource.s3BucketDetails.*.arn
target resource    resource.instanceDetails.instanceId resource.s3BucketDetails.*.name resource.eksClusterDetails.name
target arn         resource.eksClusterDetails.arn resource.lambdaDetails.functionArn resource.ecsClusterDetails.arn
target resource    resource.rdsDbInstanceDetails.dbInstanceIdentifier
target ip          resource.instanceDetails.networkInterfaces.*.publicIp
target ip          resource.instanceDetails.networkInterfaces.*.privateIpAddress
target account     accountId
other  arn         arn
other  scan        service.additionalInfo service.detection
""",
    "AWS.S3ServerAccess": """
actor  principal   requester
source ip          remoteip
target resource    bucket key accessPointARN
target domain      hostheader
other  actor_id    bucketowner
""",
    "AWS.SecurityFindingFormat": """
actor  user        Resources.*.Details.AwsIamAccessKey.PrincipalName
actor  actor_id    Resources.*.Details.AwsIamAccessKey.PrincipalId
actor  access_key  Resources.*.Details.AwsIamAccessKey.AccessKeyId
actor  arn         Resources.*.Details.AwsIamAccessKey.SessionContext.SessionIssuer.Arn
actor  user        Process.Name
source ip          Action.AwsApiCallAction.RemoteIpDetails.IpAddressV4
source ip          Action.NetworkConnectionAction.RemoteIpDetails.IpAddressV4 Network.SourceIpV4
source ip          Action.PortProbeAction.PortProbeDetails.*.RemoteIpDetails.IpAddressV4
target domain      Action.DnsRequestAction.Domain
target ip          Network.DestinationIpV4
target resource    Resources.*.Id
target account     AwsAccountId
""",
    "AWS.VPCDns": """
actor  resource    srcids.instance
source ip          srcaddr
target domain      query_name
target domain      answers.*.Rdata answers.Rdata
other  account     account_id
other  resource    vpc_id
""",
    "AWS.VPCFlow": """
source ip          srcAddr pktSrcAddr
target ip          dstAddr pktDstAddr
other  resource    instanceId interfaceId vpcId
other  account     account accountId
""",
    "AWS.WAFWebACL": """
source ip          httpRequest.clientIp
target domain      httpRequest.headers.*[name=Host].value
target resource    webaclId httpRequest.uri httpSourceId
other  resource    terminatingRuleId
""",
    "OCSF.NetworkActivity": """
actor  user        actor.user.name
source ip          src_endpoint.ip
source host        src_endpoint.hostname
target ip          dst_endpoint.ip
target host        dst_endpoint.hostname
target domain      dst_endpoint.domain
other  resource    src_endpoint.instance_uid dst_endpoint.instance_uid src_endpoint.vpc_uid
other  account     cloud.account.uid cloud.account_uid
""",
    "OCSF.DnsActivity": """
actor  resource    src_endpoint.instance_uid
source ip          src_endpoint.ip
target domain      query.hostname
target domain      answers.*.rdata
other  account     cloud.account.uid cloud.account_uid
other  resource    src_endpoint.vpc_uid
""",
}
"""Log type to table."""
