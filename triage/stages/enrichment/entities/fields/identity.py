"""Identity providers, password managers, multi-factor authentication, access proxies."""

_SALESFORCE = """
actor  user        USER_NAME USERNAME
actor  actor_id    USER_ID USER_ID_DERIVED
source ip          CLIENT_IP SOURCE_IP
target resource    CONNECTED_APP_NAME CONNECTED_APP_ID ENTITY_NAME
target resource    URI
other  trace       REQUEST_ID
other  resource    ORGANIZATION_ID
"""

TABLES = {
    "Auth0.Events": """
actor  email       data.details.request.auth.user.email
actor  name        data.details.request.auth.user.name
actor  actor_id    data.details.request.auth.user.user_id
actor  user        data.user_name
actor  actor_id    data.user_id
source ip          data.ip data.details.request.ip
target email       data.details.request.body.user.email data.details.request.body.invitee.email
target email       data.details.request.body.owners.* data.details.response.body.*.email
target actor_id    data.details.request.body.user.id
target resource    data.client_id data.client_name data.connection data.audience
target resource    data.details.request.path data.details.request.body.name
other  domain      data.hostname
""",
    "Duo.Administrator": """
actor  name        username
target resource    object
other  detect      description.**
""",
    "Duo.Authentication": """
actor  user        user.name email user.email
actor  actor_id    user.key
source ip          access_device.ip
source host        access_device.hostname
target resource    application.name application.key
other  ip          auth_device.ip
other  resource    auth_device.name
""",
    "Gravitational.TeleportAudit": """
actor  user        user identity.user
actor  user        identity.impersonator impersonator
source ip          addr.remote addr_remote src_addr
target user        target.user login
target host        server_hostname server_addr
target ip          dst_addr
target resource    cluster_name name program path db_service db_name app_name kubernetes_cluster role
other  trace       sid
""",
    "MongoDB.*": """
actor  user        username
actor  actor_id    userId publicKey
source ip          remoteAddress
target user        targetUsername
target resource    targetPublicKey whitelistEntry alertConfigId
other  resource    orgId groupId
""",
    "Okta.SystemLog": """
actor  user        actor.alternateId
actor  actor_id    actor.id
actor  name        actor.displayName
source ip          client.ipAddress
source resource    device.name device.id
target user        target.*[type=User].alternateId target.*[type=AppUser].alternateId
target actor_id    target.*[type=User].id
target name        target.*[type=User].displayName target.*[type=AppUser].displayName
target resource    target.*[type=AppInstance].alternateId target.*[type=AppInstance].displayName
target resource    target.*[type=UserGroup].displayName target.*[type=PolicyEntity].displayName
target resource    target.*.displayName target.*.alternateId
other  ip          request.ipChain.*.ip debugContext.debugData.suspiciousActivityEventIp
other  url         debugContext.debugData.origin debugContext.debugData.redirectUri
other  trace       authenticationContext.externalSessionId transaction.id
""",
    "OneLogin.Events": """
actor  name        actor_user_name
actor  actor_id    actor_user_id
actor  resource    actor_system
source ip          ipaddr
target name        user_name
target actor_id    user_id
target resource    app_name role_name group_name privilege_name policy_name otp_device_name
""",
    "OnePassword.SignInAttempt": """
actor  email       target_user.email
actor  name        target_user.name
actor  actor_id    target_user.uuid
source ip          client.ip_address
source resource    client.platform_name
other  trace       session_uuid
""",
    "OnePassword.ItemUsage": """
actor  email       user.email
actor  name        user.name
actor  actor_id    user.uuid
source ip          client.ip_address
target resource    item_uuid vault_uuid
""",
    "OnePassword.AuditEvent": """
actor  email       actor_details.email
actor  name        actor_details.name
actor  actor_id    actor_uuid
source ip          session.ip
target email       object_details.email aux_details.email
target resource    object_uuid aux_uuid
""",
    "Salesforce.*": _SALESFORCE,
    # The administrator signs in as somebody else: `USER_ID` is whose session it becomes.
    "Salesforce.LoginAs": """
actor  user        DELEGATED_USER_NAME
actor  actor_id    DELEGATED_USER_ID DELEGATED_USER_ID_DERIVED
source ip          CLIENT_IP SOURCE_IP
target user        USER_NAME
target actor_id    USER_ID USER_ID_DERIVED
other  trace       REQUEST_ID
""",
    "Tailscale.Audit": """
actor  user        event.actor.loginName
actor  name        event.actor.displayName
actor  actor_id    event.actor.id
target resource    event.target.name event.target.id
""",
    "Custom.TailscaleAudit": """
actor  user        event.actor.loginName
actor  name        event.actor.displayName
actor  actor_id    event.actor.id
target resource    event.target.name event.target.id
""",
}
"""Log type to table. A sign-in attempt at 1Password is made as the user whom the record calls its target."""
