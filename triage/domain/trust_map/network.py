"""Networks, edges and endpoints.

Sources: AWS "flow log records" and "access logs for your Application Load Balancer"; Cloudflare "Logs: datasets";
CrowdStrike Falcon Data Replicator event dictionary.
"""

NETWORK = {
    # The record of a packet's headers; no text in it.
    "AWS.VPCFlow": """
        provider version account interfaceId srcAddr dstAddr srcPort dstPort protocol packets bytes start end action
        provider status vpcId subNetId instanceId tcpFlags trafficType pktSrcAddr pktDstAddr region azId
        provider subLocationType subLocationId pktSrcAwsService pktDstAwsService flowDirection trafficPath
        provider p_any_ip_addresses.** p_any_aws_account_ids.** p_any_aws_instance_ids.**
    """,
    # `traceId` may come from the client's own header; `domainName` is its server name indication.
    "AWS.ALB": """
        provider type timestamp elb clientIp clientPort targetIp targetPort requestProcessingTime targetProcessingTime
        provider responseProcessingTime elbStatusCode targetStatusCode receivedBytes sentBytes sslCipher sslProtocol
        provider targetGroupArn chosenCertArn matchedRulePriority requestCreationTime actionsExecuted.** errorReason
        provider targetPortList.** targetStatusCodeList.** classification classificationReason
    """,
    "Cloudflare.Firewall": """
        provider Action ClientASN ClientASNDescription ClientCountry ClientIP ClientIPClass Datetime EdgeColoCode
        provider EdgeResponseStatus Kind MatchIndex OriginResponseStatus OriginatorRayID RayID RuleID Source
    """,
    "Cloudflare.HttpRequest": """
        provider BotScore BotScoreSrc CacheCacheStatus ClientASN ClientCountry ClientIP ClientIPClass ClientSrcPort
        provider ClientSSLCipher ClientSSLProtocol ClientRequestBytes EdgeColoCode EdgeColoID EdgeEndTimestamp
        provider EdgePathingOp EdgePathingSrc EdgePathingStatus EdgeResponseBytes EdgeResponseStatus EdgeServerIP
        provider EdgeStartTimestamp FirewallMatchesActions.** FirewallMatchesRuleIDs.** FirewallMatchesSources.**
        provider OriginIP OriginResponseStatus OriginResponseTime ParentRayID RayID SecurityLevel WAFAction WAFFlags
        provider WAFProfile WAFRuleID ZoneID ZoneName WAFAttackScore
    """,
    # The sensor measures; but names on a host (computer, user, file, command line, domain asked) are whoever's runs it.
    "Crowdstrike.FDREvent": """
        provider aid cid aip id name timestamp fdr_event_type event_simpleName event_platform platform
        provider ContextTimeStamp ConfigBuild ConfigStateHash EffectiveTransmissionClass Entitlements
        provider event.aid event.cid event.aip event.id event.name event.timestamp event.event_simpleName
        provider event.event_platform event.ContextTimeStamp event.ConfigBuild event.ConfigStateHash
        provider event.TargetProcessId event.ContextProcessId event.ParentProcessId event.SourceProcessId
        provider event.RawProcessId event.TreeId event.ProcessStartTime event.ProcessEndTime
        provider event.MD5HashData event.SHA1HashData event.SHA256HashData event.MD5String event.SHA1String
        provider event.SHA256String event.UserSid event.IntegrityLevel event.TokenType
        provider event.LocalAddressIP4 event.LocalAddressIP6 event.LocalPort event.RemoteAddressIP4
        provider event.RemoteAddressIP6 event.RemotePort event.Protocol event.ConnectionDirection event.RequestType
        provider event.EventType event.ExternalApiType event.AgentIdString event.SensorId event.CustomerIdString
        provider event.CompositeId event.DetectId event.Severity event.SeverityName event.Tactic event.Technique
        provider event.Objective event.PatternDispositionValue event.PatternDispositionDescription
        provider event.PatternDispositionFlags.** event.UTCTimestamp
        provider TargetProcessId ContextProcessId ParentProcessId SourceProcessId RawProcessId TreeId
        provider MD5HashData SHA1HashData SHA256HashData UserSid LocalAddressIP4 LocalPort RemoteAddressIP4 RemotePort
    """,
    "Crowdstrike.DNSRequest": """
        provider aid cid aip id name timestamp event_simpleName event_platform ContextTimeStamp ContextProcessId
        provider RequestType ConfigBuild ConfigStateHash
    """,
    "Crowdstrike.*": """
        provider aid cid aip timestamp event_simpleName event_platform metadata.eventType metadata.eventCreationTime
        provider metadata.customerIDString metadata.offset
    """,
}
"""Log type to table."""
