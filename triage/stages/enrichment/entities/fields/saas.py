"""Office suites, code hosting, collaboration and artificial intelligence services."""

TABLES = {
    "Anthropic.Activity": """
actor  email       actor.email_address actor.unauthenticated_email_address
actor  actor_id    actor.user_id actor.api_key_id actor.service_account_id actor.admin_api_key_id
source ip          actor.ip_address
target email       deleted_user_email email_address invited_email
target resource    target_id resource_id admin_api_key_id mcp_server_name claude_chat_id claude_artifact_id
target resource    deleted_user_id integration_type claude_project_id mcp_server_id
other  resource    organization_id
""",
    "Asana.Audit": """
actor  email       actor.email
actor  name        actor.name
actor  actor_id    actor.gid
source ip          context.client_ip_address
target email       resource.email
target resource    resource.name details.group.name resource.gid
target detect      details.new_value
""",
    "Atlassian.Audit": """
actor  email       attributes.actor.email
actor  name        attributes.actor.name
actor  actor_id    attributes.actor.id
source ip          attributes.location.ip
target email       attributes.context.*.attributes.email
target resource    attributes.context.*.attributes.name attributes.context.*.id
other  resource    attributes.container.*.attributes.siteName
""",
    "Box.Event": """
actor  user        created_by.login
actor  name        created_by.name
actor  actor_id    created_by.id
source ip          ip_address
target user        source.login source.owned_by.login accessible_by.login
target resource    source.item_name source.name source.item_id
target name        source.owned_by.name
other  scan        additional_details
""",
    "Docusign.Connect": """
actor  email       data.senderEmail
actor  user        data.terminated_by
actor  actor_id    data.userId
target email       data.email
target name        data.name
target resource    data.envelopeId data.recipientId data.templateId data.envelopeDocuments.*.name
target resource    configurationId uri
""",
    "Dropbox.TeamEvent": """
actor  email       actor.user.email actor.admin.email
actor  name        actor.user.display_name actor.admin.display_name
actor  actor_id    actor.user.account_id actor.admin.account_id
actor  name        actor.app.display_name
source ip          origin.geo_location.ip_address
target email       participants.*.user.email details.new_owner_email details.previous_owner_email
target name        participants.*.user.display_name
target resource    assets.*.display_name assets.*.path.contextual details.app_info.display_name
other  email       context.email
""",
    "GitHub.Audit": """
actor  user        actor
actor  actor_id    actor_id
actor  email       external_identity_nameid
source ip          actor_ip
target user        user invitee blocked_user member
target email       email
target resource    repo repository team data.team name branch integration head_branch
target resource    secret_name hook_id ruleset_name
target url         config.url
target detect      config.**
other  resource    org business
other  trace       hashed_token
other  user        p_udm.user.name
""",
    # The sender acted. Who opened an issue may be another, and anyone can write any author into a commit.
    "GitHub.Webhook": """
actor  user        sender.login pusher.name comment.user.login review.user.login
actor  actor_id    sender.id
actor  email       pusher.email
source resource    pull_request.head.repo.full_name workflow_run.head_repository.full_name
target resource    repository.full_name workflow_run.repository.full_name pull_request.base.repo.full_name
target resource    workflow_run.name workflow_job.name workflow_job.runner_name ref repository.name
target user        member.login
target url         pull_request.html_url issue.html_url
other  user        issue.user.login pull_request.user.login
other  email       head_commit.author.email commits.*.author.email
other  resource    organization.login repository.owner.login
""",
    "GitLab.Audit": """
actor  name        author_name detail.author_name
actor  email       detail.author_email
actor  actor_id    author_id
source ip          ip_address detail.ip_address
target principal   detail.target_details
target resource    entity_path detail.entity_path
other  detect      detail.**
""",
    "GitLab.Production": """
actor  user        username meta.user
actor  actor_id    user_id
source ip          remote_ip meta.remote_ip
target email       params.*.value.email.* params.*.value.email
target resource    path
""",
    "GSuite.ActivityEvent": """
actor  email       actor.email
actor  actor_id    actor.profileId actor.key
source ip          ipAddress
source ip          parameters.message_info.connection_info.client_ip
source email       parameters.message_info.source.address parameters.message_info.source.from_header_address
target email       parameters.USER_EMAIL parameters.affected_email_address parameters.target_user parameters.new_owner
target email       parameters.owner parameters.grantee_email parameters.email_forwarding_destination_address
target email       parameters.message_info.destination.*.address parameters.calendar_id parameters.GROUP_EMAIL
target domain      parameters.target_domain parameters.DOMAIN_NAME parameters.message_info.link_domain.*
target resource    parameters.doc_id parameters.doc_title parameters.app_name parameters.APPLICATION_NAME
target resource    parameters.application_name parameters.client_id parameters.ROLE_NAME parameters.SETTING_NAME
target resource    parameters.shared_drive_id parameters.DEVICE_ID parameters.device_id parameters.rule_name
target hash        parameters.message_info.attachment.sha256 parameters.message_info.attachment.*.sha256
target resource    parameters.message_info.attachment.file_name
target resource    parameters.APP_ID parameters.MOBILE_APP_PACKAGE_ID
other  scan        parameters
other  domain      ownerDomain
other  resource    id.applicationName
""",
    "Netskope.Audit": """
actor  user        user ur_normalized
target user        supporting_data[data_type=user].data_values.*
other  detect      supporting_data.data_values.*
""",
    "Notion.AuditLogs": """
actor  email       event.actor.person.email
actor  actor_id    event.actor.id
source ip          event.ip_address
target email       event.details.entity.person.email event.details.member.person.email event.details.target.person.email
target resource    event.details.target.name event.details.target.page_id event.details.target.id
target resource    event.details.parent.database_id event.details.parent.workspace_id event.details.parent.page_id
target actor_id    event.details.entity.id event.details.member.id
other  resource    event.workspace_id
""",
    "OpenAI.Audit": """
actor  email       actor.session.user.email actor.api_key.user.email
actor  actor_id    actor.session.user.id actor.api_key.user.id actor.api_key.service_account.id actor.api_key.id
source ip          actor.session.ip_address
target email       user_updated.email user_added.email invite_sent.data.email
target resource    api_key_created.id api_key_deleted.id api_key_updated.id scim_enabled.id scim_disabled.id
target actor_id    role_assignment_created.principal_id role_assignment_deleted.principal_id
target resource    ip_allowlist_created.id ip_allowlist_deleted.id ip_allowlist_updated.id
target resource    ip_allowlist_config_activated.configs.*.id ip_allowlist_config_deactivated.configs.*.id
other  resource    project.id
""",
    "Panther.Audit": """
actor  email       actor.attributes.email
actor  user        actor.name
actor  actor_id    actor.id
source ip          sourceIP XForwardedFor.*
target scan        actionParams
""",
    "Slack.AuditLogs": """
actor  email       actor.user.email
actor  user        actor.user.name
actor  actor_id    actor.user.id
source ip          context.ip_address
target email       entity.user.email
target user        entity.user.name
target actor_id    entity.user.id
target resource    entity.app.name entity.app.id entity.channel.name entity.channel.id entity.file.name entity.file.id
target resource    entity.workspace.name entity.workspace.id entity.workspace.domain entity.role.name
target resource    entity.enterprise.name entity.usergroup.name
other  ip          details.previous_ip_address
""",
    "Snyk.*": """
actor  actor_id    userId
target email       content.email content.username
target user        content.name
target actor_id    content.userPublicId content.serviceAccountPublicId
target resource    orgId groupId projectId content.orgName
target resource    content.target.name content.integrationPublicId
""",
    "Sublime.Audit": """
actor  email       created_by.email_address data.user.email_address
actor  actor_id    created_by.id
source ip          data.request.ip
target resource    data.request.path data.request.body.mailbox_ids.*
other  trace       data.request.id
""",
    "Sublime.MessageEvent": """
source email       data.message.sender.email.email
target email       data.message.mailbox.email_address
target resource    data.message.mailbox.id data.message.external_id data.message.id
target resource    data.message.message_source_id
other  resource    data.flagged_rules.*.name
""",
    "Tines.Audit": """
actor  email       user_email
actor  name        user_name
actor  actor_id    user_id
source ip          request_ip
target scan        inputs
""",
    "Zendesk.Audit": """
actor  name        actor_name
actor  actor_id    actor_id
source ip          ip_address
target name        source_label
target resource    source_id
""",
    "Zoom.Activity": """
actor  email       email
source ip          ip_address
""",
    "Zoom.Operation": """
actor  user        operator
target words       operation_detail
""",
}
"""Log type to table."""
