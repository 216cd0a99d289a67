"""Actions that serve an intruder once inside, by log type: our own notes, with kind and seriousness.

Seriousness runs from 0.3 (ordinary work that intruders do too) to 1.0 (rarely done, and then by few people). Names
are those of the providers' published event references.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from triage.stages.enrichment.playbook import any_glob


class Harm(StrEnum):
    """What an action can be good for, after the tactics of MITRE ATT&CK."""

    PERSISTENCE = "a way back in"
    PRIVILEGE = "more rights"
    EVASION = "blinding of logs or protections"
    CREDENTIALS = "access to secrets"
    COLLECTION = "access to data"
    EXPOSURE = "exposure to outsiders"
    DESTRUCTION = "destruction"
    EXECUTION = "running of code"


@dataclass(frozen=True, slots=True)
class Note:
    harm: Harm
    seriousness: float


_CLOUDTRAIL = """
persistence 0.9: CreateAccessKey CreateLoginProfile UpdateLoginProfile CreateServiceSpecificCredential
persistence 0.8: CreateUser CreateSAMLProvider CreateOpenIDConnectProvider UpdateAssumeRolePolicy CreateVirtualMFADevice
persistence 0.7: DeactivateMFADevice DeleteVirtualMFADevice ImportKeyPair CreateKeyPair
persistence 0.5: CreateRole CreateFunction20150331 AddPermission20150331v2 CreateEventSourceMapping20150331 PutRule
privilege 0.9: AttachUserPolicy PutUserPolicy AddUserToGroup CreatePolicyVersion SetDefaultPolicyVersion
privilege 0.7: AttachRolePolicy PutRolePolicy AttachGroupPolicy PutGroupPolicy AddRoleToInstanceProfile
privilege 0.6: PassRole AssumeRoot CreateInstanceProfile AssociateIamInstanceProfile
evasion 1.0: StopLogging DeleteTrail DeleteDetector DisassociateFromMasterAccount LeaveOrganization
evasion 0.9: UpdateTrail PutEventSelectors DeleteFlowLogs StopConfigurationRecorder DeleteConfigurationRecorder
evasion 0.9: DeleteDeliveryChannel DisableSecurityHub UpdateDetector DeleteMembers DeleteLogGroup DeleteLogStream
evasion 0.8: DeleteConfigRule DeleteAlarms DisableAlarmActions DeleteWebACL DeleteRuleGroup DeleteInsight
evasion 0.7: PutBucketLogging DeleteBucketPolicy PutBucketVersioning PutBucketLifecycle DeleteBucketLifecycle
evasion 0.7: DeleteBucketEncryption DeletePublicAccessBlock DeleteAccountPublicAccessBlock ArchiveFindings
evasion 0.6: CreateIPSet UpdateIPSet CreateFilter PutBucketReplication DeleteBucketReplication
credentials 0.8: GetPasswordData GetSecretValue BatchGetSecretValue GetFederationToken GetSessionToken
credentials 0.5: GetParameter GetParameters GetParametersByPath Decrypt GetCredentialReport
collection 0.6: GetObject SelectObjectContent ListObjects ListObjectsV2 GetSnapshotBlock ListSnapshotBlocks
collection 0.7: CreateDBSnapshot CreateSnapshot CreateImage StartExportTask ExportTableToPointInTime CopySnapshot CopyDBSnapshot
collection 0.6: RestoreDBInstanceFromDBSnapshot GetDatabase ExecuteStatement BatchExecuteStatement CopyObject
exposure 1.0: ModifySnapshotAttribute ModifyDBSnapshotAttribute ModifyDBClusterSnapshotAttribute ModifyImageAttribute
exposure 0.9: PutBucketPolicy PutBucketAcl PutObjectAcl AddPermission SetRepositoryPolicy SetTopicAttributes
exposure 0.7: AuthorizeSecurityGroupIngress ModifyDBInstance AuthorizeDBSecurityGroupIngress CreateNetworkAclEntry
exposure 0.6: PutResourcePolicy PutKeyPolicy CreateGrant PutBucketWebsite AcceptVpcPeeringConnection
destruction 0.9: DeleteObjects DeleteBucket DeleteDBCluster DeleteDBInstance ScheduleKeyDeletion DeleteFileSystem
destruction 0.8: DeleteDBSnapshot DeleteDBClusterSnapshot DeleteSnapshot DeleteBackupVault DeleteRecoveryPoint DeleteSecret
destruction 0.6: TerminateInstances DeleteVolume DeleteVpc DeleteTable DeleteHostedZone DeregisterImage DisableKey
destruction 0.5: DeleteObject DeleteUser DeleteRole DeleteStack DeleteFunction20150331
execution 0.8: SendCommand StartSession SendSSHPublicKey SendSerialConsoleSSHPublicKey ModifyInstanceAttribute
execution 0.6: RunInstances UpdateFunctionCode20150331v2 CreateStack StartAutomationExecution RegisterTaskDefinition RunTask
execution 0.6: SendEmail SendRawEmail SendBulkEmail InvokeModel InvokeModelWithResponseStream PutUseCaseForModelAccess
"""
_OKTA = """
persistence 1.0: system.api_token.create system.idp.lifecycle.create system.idp.lifecycle.activate
persistence 0.8: user.mfa.factor.activate user.mfa.factor.update user.account.update_password user.account.update_primary_email
persistence 0.7: user.lifecycle.create user.lifecycle.activate user.lifecycle.reactivate app.oauth2.client.lifecycle.create
persistence 0.6: user.account.update_secondary_email device.enrollment.create app.oauth2.as.consent.grant
privilege 1.0: user.account.privilege.grant group.privilege.grant iam.resourceset.bindings.add user.session.impersonation.grant
privilege 0.6: group.user_membership.add application.user_membership.add iam.role.create
evasion 0.9: policy.lifecycle.deactivate policy.rule.deactivate policy.lifecycle.delete policy.rule.delete zone.delete zone.deactivate
evasion 0.8: policy.lifecycle.update policy.rule.update policy.rule.add zone.update system.log_stream.lifecycle.deactivate
evasion 0.8: user.mfa.factor.deactivate user.mfa.factor.reset_all system.mfa.factor.deactivate security.threat.configuration.update
credentials 0.9: application.user_membership.show_password user.account.reset_password user.account.unlock_by_admin
credentials 0.6: user.account.expire_password
destruction 0.8: user.lifecycle.delete.initiated user.lifecycle.deactivate user.lifecycle.suspend group.lifecycle.delete application.lifecycle.delete
execution 0.5: application.lifecycle.update application.lifecycle.create
"""
_GITHUB = """
persistence 0.9: public_key.create org.add_outside_collaborator business.add_admin personal_access_token.access_granted
persistence 0.8: repo.add_member org.add_member hook.create integration_installation.create oauth_authorization.create
persistence 0.6: org.invite_member team.add_member personal_access_token.request_created self_hosted_runner.register
privilege 0.9: org.update_member team.promote_maintainer role.update org.set_default_workflow_permissions
privilege 0.7: org.update_default_repository_permission repo.update_member repo.update_actions_settings
evasion 1.0: org.disable_saml org.saml_disabled org.disable_two_factor_requirement business.disable_two_factor_requirement
evasion 0.9: protected_branch.destroy repository_ruleset.destroy protected_branch.policy_override ip_allow_list.disable
evasion 0.9: secret_scanning.disable *secret_scanning*disable* audit_log_streaming.destroy audit_log_streaming.update
evasion 0.8: repository_secret_scanning*.disable secret_scanning_push_protection.bypass dependabot_alerts.disable
evasion 0.7: protected_branch.update_* repository_ruleset.update ip_allow_list_entry.create hook.destroy public_key.delete
credentials 0.7: org.credential_authorization_grant environment.create_actions_secret org.create_actions_secret repo.create_actions_secret
collection 0.7: git.clone repo.download_zip org.audit_log_export migration.create
exposure 1.0: repo.access repository_visibility_change.enable repo.transfer repo.transfer_start repo.create_fork
destruction 0.9: repo.destroy org.remove_member team.destroy repo.archived
"""
_GSUITE = """
persistence 0.9: email_forwarding_out_of_domain ADD_APPLICATION authorize titanium_enroll CREATE_USER
persistence 0.7: recovery_email_edit recovery_phone_edit recovery_info_edit CHANGE_RECOVERY_EMAIL CREATE_APPLICATION_SETTING
privilege 1.0: GRANT_ADMIN_PRIVILEGE ASSIGN_ROLE GRANT_DELEGATED_ADMIN_PRIVILEGES AUTHORIZE_API_CLIENT_ACCESS
privilege 0.6: CREATE_ROLE ADD_PRIVILEGE add_member ADD_GROUP_MEMBER
evasion 0.9: 2sv_disable titanium_unenroll TURN_OFF_2_STEP_VERIFICATION ENFORCE_STRONG_AUTHENTICATION TOGGLE_SERVICE_ENABLED
evasion 0.7: CHANGE_GMAIL_SETTING CREATE_GMAIL_SETTING DELETE_GMAIL_SETTING CHANGE_EMAIL_SETTING CHANGE_APPLICATION_SETTING
credentials 0.8: CHANGE_PASSWORD 2sv_scratch_codes_generated RESET_SIGNIN_COOKIES
collection 0.6: download DOWNLOAD_REPORT export
collection 0.9: CUSTOMER_TAKEOUT_CREATED CUSTOMER_TAKEOUT_SUCCEEDED EXPORT_REQUEST EMAIL_LOG_SEARCH
exposure 0.8: change_document_visibility change_user_access change_acl_editors change_document_access_scope add_to_folder
exposure 0.9: ADD_TRUSTED_DOMAINS change_owner change_calendar_acls shared_drive_settings_change ADD_DOMAIN_ALIAS
destruction 0.6: DELETE_USER SUSPEND_USER delete trash empty_trash
"""
_AZURE = """
persistence 0.8: *automationaccounts/webhooks/* *automationaccounts/runbooks/*write* *automationaccounts/write *virtualmachines/extensions/write
persistence 0.7: *sites/host/*/write *logic/workflows/write *managedidentity/*/write
privilege 1.0: *authorization/roleassignments/write *authorization/elevateaccess/action *authorization/roledefinitions/write
privilege 0.8: *authorization.k8s.io/*bindings/write *authorization.k8s.io/*roles/write
evasion 1.0: *diagnosticsettings/delete *insights/activitylogalerts/delete *eventhubs/delete *networkwatchers/delete *flowlogs/delete
evasion 0.9: *operationalinsights/workspaces/delete *alertssuppressionrules/write *alertrules/delete *metricalerts/delete *actiongroups/delete
evasion 0.8: *authorization/locks/delete *policyassignments/delete *policies/*/delete *security/pricings/write *immutabilitypolicies/delete
evasion 0.8: *firewallpolicies/delete *azurefirewalls/delete *networksecuritygroups/delete *securityrules/delete *securitycontacts/*
credentials 0.9: *storageaccounts/listkeys/action *storageaccounts/regeneratekey/action *listaccountsas/action *listclusteradmincredential/action
credentials 0.8: *vaults/secrets/getsecret/action *vaults/keys/read/action *vaults/accesspolicies/write *vaults/write *listcredentials/action
collection 0.6: getblob listblobs *snapshots/write *begingetaccess/action *export/action *packetcaptures/write *startpacketcapture/action
exposure 0.8: *securityrules/write *containers/write *firewallrules/write *storageaccounts/write *publicipaddresses/write
destruction 0.9: *storageaccounts/delete *vaults/delete *purge/action *servers/delete *databases/delete *resourcegroups/delete
destruction 0.8: *disks/delete *virtualmachines/delete *protecteditems/delete *protectioncontainers/delete *restorepointcollections/delete *containers/delete deleteblob *snapshots/delete
execution 0.9: *virtualmachines/runcommand/action *hostruntime/*/action *managedclusters/runcommand/action *automationaccounts/jobs/write
"""
_KUBERNETES = """
persistence 0.8: create?serviceaccounts/* create?cronjobs/* create?daemonsets/* create?mutatingwebhookconfigurations/* update?mutatingwebhookconfigurations/* create?certificatesigningrequests/*
privilege 1.0: *?clusterrolebindings/* impersonate?*
privilege 0.8: create?rolebindings/* create?clusterroles/* update?clusterroles/* patch?clusterroles/* create?roles/* update?rolebindings/* patch?rolebindings/*
evasion 0.8: delete?events/* deletecollection?events/* delete?networkpolicies/* delete?validatingwebhookconfigurations/* delete?mutatingwebhookconfigurations/*
credentials 0.8: get?secrets/* list?secrets/* watch?secrets/* create?serviceaccounts/token
collection 0.4: get?configmaps/* list?configmaps/* get?pods/log
exposure 0.6: create?services/* create?ingresses/* create?pods/portforward create?pods/proxy create?nodes/proxy
destruction 0.8: delete?namespaces/* delete?persistentvolumes/* delete?persistentvolumeclaims/* deletecollection?*
destruction 0.5: delete?deployments/* delete?secrets/* delete?statefulsets/*
execution 0.8: create?pods/exec get?pods/exec create?pods/attach create?pods/ephemeralcontainers patch?pods/ephemeralcontainers
execution 0.5: create?pods/ create?jobs/
persistence 0.6: patch?daemonsets/* patch?cronjobs/* update?cronjobs/* approve?certificatesigningrequests/*
privilege 0.7: escalate?* bind?* patch?serviceaccounts/*
credentials 0.6: create?tokenreviews/* create?selfsubjectrulesreviews/* create?selfsubjectaccessreviews/*
"""
_ONELOGIN = """
persistence 0.8: 13 17 19 22 24
persistence 0.6: 14 55
privilege 1.0: 72 531 551 553 90
credentials 1.0: 3 240
evasion 0.9: 172 12 11
destruction 0.7: 16 17
"""
_GCP = """
persistence 0.9: *CreateServiceAccountKey *UploadServiceAccountKey *CreateHmacKey* *serviceAccounts.keys.create
persistence 0.7: *CreateServiceAccount *workloadIdentityPools.create* *functions.create*
privilege 0.9: *SetIamPolicy* *setIamPolicy *setIamPermissions *CreateRole *UpdateRole
evasion 1.0: *DeleteSink *UpdateSink *DeleteLog *sinks.delete *sinks.update *DeleteAlertPolicy *CreateExclusion
evasion 0.8: *DeleteNotificationChannel *subnetworks.patch *UpdateBucket *servicePerimeters.*
credentials 0.8: *AccessSecretVersion *GenerateAccessToken *SignBlob *SignJwt *GenerateIdToken
collection 0.6: storage.objects.get *snapshots.insert *images.insert *jobservice.jobcompleted *ExportInstance
exposure 0.9: storage.setIamPermissions *firewalls.insert *firewalls.patch *buckets.update
destruction 0.8: storage.buckets.delete *DestroyCryptoKeyVersion *instances.delete *disks.delete *DeleteProject *projects.delete
execution 0.7: *instances.setMetadata *projects.setCommonInstanceMetadata *instances.insert
persistence 0.8: *ResetWindowsPassword* *CreateWorkloadIdentityPool* *AddBindingsToPolicy* io.k8s.*serviceaccounts.create
persistence 0.7: io.k8s.*cronjobs.create io.k8s.*daemonsets.create io.k8s.*webhookconfigurations.*
privilege 1.0: io.k8s.*clusterrolebindings.* io.k8s.*rolebindings.create
evasion 0.9: *DisableServices *SetOrgPolicy* *DeleteOrgPolicy* *UpdateSettings* *DeleteLogMetric *logging.*.UpdateBucket
credentials 0.8: io.k8s.core.v1.secrets.get io.k8s.core.v1.secrets.list *GetServiceAccountKey
collection 0.7: google.cloud.bigquery.*ExtractJob* *InsertJob tableservice.insert *disks.createSnapshot *TakeSnapshot
collection 0.6: *Export* *storage.objects.list
exposure 0.9: *firewalls.delete *CreateDataExchange* *datasets.setIamPolicy
destruction 0.9: *DisableServiceAccount* *DeleteServiceAccount *sql*instances.delete *DeleteBucket* *keyRings*destroy*
execution 0.8: io.k8s.core.v1.pods.exec.create io.k8s.core.v1.pods.attach* *RunJob *CreateFunction* *UpdateFunction*
"""
_ENTRA = """
persistence 0.9: *add?service?principal?credentials* *update?application*certificates?and?secrets* add?owner?to?* add?application* add?service?principal* *registered?security?info*
persistence 0.7: add?user invite?external?user* *reset?password* *change?password*
privilege 1.0: add?member?to?role* add?eligible?member* *add?app?role?assignment* consent?to?application add?delegated?permission?grant
evasion 0.9: *conditional?access?policy *authentication?methods?policy* disable?strong?authentication set?domain?authentication set?federation?settings*
destruction 0.7: delete?user delete?application delete?group
"""
_SNOWFLAKE = """
collection 0.8: GET_FILES UNLOAD COPY COPY_FILES_INTO
collection 0.4: SHOW DESCRIBE LIST_FILES
persistence 0.8: CREATE_USER CREATE_NETWORK_POLICY CREATE_INTEGRATION CREATE_SECURITY_INTEGRATION
persistence 0.6: CREATE_STAGE CREATE_TASK CREATE_ROLE
privilege 0.8: GRANT ALTER_USER ALTER_ROLE
evasion 0.8: ALTER_ACCOUNT ALTER_NETWORK_POLICY DROP_NETWORK_POLICY ALTER_INTEGRATION UNSET
evasion 0.5: ALTER_SESSION DROP_STAGE
exposure 0.9: CREATE_SHARE ALTER_SHARE CREATE_EXTERNAL_STAGE
destruction 0.8: DROP DROP_DATABASE DROP_TABLE TRUNCATE_TABLE
execution 0.6: CALL EXECUTE_TASK CREATE_PROCEDURE CREATE_FUNCTION
"""
_ENDPOINT = """
evasion 0.9: *\\wevtutil.exe *\\fltmc.exe *\\bcdedit.exe *\\auditpol.exe
evasion 0.5: *\\sc.exe *\\fsutil.exe
credentials 1.0: *mimikatz* *\\procdump*.exe *\\ntdsutil.exe *lazagne* *\\rubeus.exe *\\nanodump*
credentials 0.6: *\\vaultcmd.exe *\\cmdkey.exe
destruction 0.9: *\\vssadmin.exe *\\wbadmin.exe *\\cipher.exe *\\sdelete*.exe
collection 0.8: *\\rclone*.exe *\\megasync*.exe *\\winscp.exe *\\7z*.exe *\\rar.exe
persistence 0.7: *\\schtasks.exe *\\at.exe *anydesk*.exe *\\screenconnect*.exe *\\atera*.exe *\\ngrok*.exe *\\cloudflared*.exe
execution 0.8: *\\psexec*.exe *\\paexec*.exe *\\mshta.exe *\\wmic.exe *\\certutil.exe *\\bitsadmin.exe *\\msbuild.exe
execution 0.6: *\\regsvr32.exe *\\installutil.exe *\\cscript.exe *\\wscript.exe *\\nltest.exe *\\adfind*.exe *\\sharphound*
execution 0.4: *\\whoami.exe *\\net1.exe *\\rundll32.exe
"""
_NAMES = {
    "persistence": Harm.PERSISTENCE,
    "privilege": Harm.PRIVILEGE,
    "evasion": Harm.EVASION,
    "credentials": Harm.CREDENTIALS,
    "collection": Harm.COLLECTION,
    "exposure": Harm.EXPOSURE,
    "destruction": Harm.DESTRUCTION,
    "execution": Harm.EXECUTION,
}
SELF_SERVICE: Mapping[str, frozenset[str]] = {
    "Okta.SystemLog": frozenset(
        {
            "user.mfa.factor.activate",
            "user.mfa.factor.update",
            "user.mfa.factor.deactivate",
            "user.account.update_password",
            "device.enrollment.create",
        }
    ),
    "GSuite.ActivityEvent": frozenset(
        {
            "2sv_enroll",
            "titanium_enroll",
            "recovery_email_edit",
            "recovery_phone_edit",
            "recovery_info_edit",
            "authorize",
        }
    ),
}
"""What people do for their own account; from their usual place it is housekeeping."""

BULK = 5
"""From how many on reading counts in full: one document opened is work, dozens are a haul."""


def _read(table: str) -> tuple[tuple[str, Note], ...]:
    found = []
    for line in table.strip().splitlines():
        head, _, names = line.partition(": ")
        kind, _, seriousness = head.partition(" ")
        note = Note(_NAMES[kind], float(seriousness))
        found += [(name.replace("?", " ") if "?" in name and "*" not in name else name, note) for name in names.split()]
    return tuple((name.casefold(), note) for name, note in found)


CATALOGUE: Mapping[str, tuple[tuple[str, Note], ...]] = {
    "AWS.CloudTrail": _read(_CLOUDTRAIL),
    "Okta.SystemLog": _read(_OKTA),
    "GitHub.Audit": _read(_GITHUB),
    "GSuite.ActivityEvent": _read(_GSUITE),
    "Azure.MonitorActivity": _read(_AZURE),
    "Azure.Audit": _read(_ENTRA),
    "Amazon.EKS.Audit": _read(_KUBERNETES),
    "OneLogin.Events": _read(_ONELOGIN),
    "GCP.AuditLog": _read(_GCP),
    "Snowflake.QueryHistory": _read(_SNOWFLAKE),
    "Crowdstrike.FDREvent": _read(_ENDPOINT),
}


@lru_cache(maxsize=4096)
def note_on(log_type: str, action: str) -> Note | None:
    """What an action can be good for; `None` where there is nothing to say. In a name, `?` stands for one character."""
    wanted = action.casefold()
    for name, note in CATALOGUE.get(log_type, ()):
        if name == wanted or any_glob(wanted, (name,)):
            return note
    return None


def is_self_service(log_type: str, action: str) -> bool:
    """Whether people do this for their own account."""
    return action in SELF_SERVICE.get(log_type, frozenset())
