"""Rules on laptops, passwords, Snowflake, OneLogin, and on releases."""

from tools.worlds.lake import LogType

from .rule import Detection

DETECTIONS = (
    Detection(
        id="Endpoint.RemoteSupport.Started",
        name="Remote support tool started",
        severity="MEDIUM",
        description="A program with which others see and steer a laptop was started from a download folder.",
        runbook=(
            "Check on how many other laptops the same program ran, by its hash",
            "Compare the address that it connects to with that of earlier sessions",
            "List what it started",
        ),
        log_type=LogType.ENDPOINT,
        techniques=("TA0011:T1219",),
        tags=("Endpoint",),
        summary=("ComputerName", "aid"),
        body="""
            def rule(event):
                return event.get("fdr_event_type") == "ProcessRollup2" and event.deep_get(
                    "event", "ImageFileName", default=""
                ).endswith("HelpViewer.exe")


            def title(event):
                return f"Remote support tool started on {event.get('ComputerName')}"


            def alert_context(event):
                return {
                    "host": event.get("ComputerName"),
                    "aid": event.get("aid"),
                    "user": event.deep_get("event", "UserName"),
                    "image": event.deep_get("event", "ImageFileName"),
                    "sha256": event.deep_get("event", "SHA256HashData"),
                }
        """,
    ),
    Detection(
        id="Endpoint.Shell.EncodedCommand",
        name="Encoded command in a shell",
        severity="HIGH",
        description="PowerShell ran a command that was encoded.",
        runbook=(
            "Check on how many other laptops the very same command ran in the past 30 days",
            "Compare the address that it fetched from with those the company's programs use",
            "List what the shell started",
        ),
        log_type=LogType.ENDPOINT,
        techniques=("TA0002:T1059.001", "TA0005:T1027"),
        tags=("Endpoint",),
        summary=("ComputerName", "aid"),
        body="""
            def rule(event):
                return event.get("fdr_event_type") == "ProcessRollup2" and "-EncodedCommand " in event.deep_get(
                    "event", "CommandLine", default=""
                )


            def title(event):
                return f"Encoded command on {event.get('ComputerName')}"


            def alert_context(event):
                return {
                    "host": event.get("ComputerName"),
                    "aid": event.get("aid"),
                    "user": event.deep_get("event", "UserName"),
                    "command": event.deep_get("event", "CommandLine"),
                    "parent": event.deep_get("event", "ParentBaseFileName"),
                }
        """,
    ),
    Detection(
        id="OnePassword.Items.ManyRevealed",
        name="Many passwords opened",
        severity="HIGH",
        description="One person opened twelve items or more within an hour.",
        runbook=(
            "Check whether this person, or colleagues, opened as many in the past 30 days, and what they did with them",
            "Look at the person's sign-ins of the day: address, program",
            "Check whether what was opened is used from elsewhere afterwards",
        ),
        log_type=LogType.VAULT_ITEM,
        techniques=("TA0006:T1555.005",),
        tags=("1Password",),
        threshold=12,
        summary=("p_any_emails", "p_any_ip_addresses"),
        body="""
            def rule(event):
                return event.get("action") == "reveal" and event.get("item_uuid") is not None


            def title(event):
                return f"{event.deep_get('user', 'email')} opened many passwords"


            def alert_context(event):
                return {
                    "actor": event.deep_get("user", "email"),
                    "ipAddress": event.deep_get("client", "ip_address"),
                    "vault": event.get("vault_uuid"),
                    "application": event.deep_get("client", "app_name"),
                }
        """,
    ),
    Detection(
        id="OnePassword.SignIn.CommandLine",
        name="Sign-in with the command-line program",
        severity="LOW",
        description="Somebody signed in to 1Password with a program that reads many items easily.",
        runbook=(
            "Check whether this person used the program in the past 30 days",
            "Check whether the person signed in to the identity provider from the same address",
            "List the items opened afterwards, and whose they are",
        ),
        log_type=LogType.VAULT_SIGN_IN,
        techniques=("TA0006:T1555.005",),
        tags=("1Password",),
        summary=("p_any_emails", "p_any_ip_addresses"),
        body="""
            def rule(event):
                return event.get("category") == "success" and event.deep_get("client", "app_name") == "1Password CLI"


            def title(event):
                return f"{event.deep_get('target_user', 'email')} signed in with the command-line program"


            def alert_context(event):
                return {
                    "actor": event.deep_get("target_user", "email"),
                    "ipAddress": event.deep_get("client", "ip_address"),
                    "country": event.get("country"),
                }
        """,
    ),
    Detection(
        id="Snowflake.Table.Unloaded",
        name="Table written to a stage",
        severity="HIGH",
        description="Somebody copied a table into files that can be downloaded.",
        runbook=(
            "Check whether this user unloaded tables in the past 30 days, and colleagues",
            "Look at the user's login before it: address, factor, program",
            "List what followed: downloads, other tables, removal of the files",
        ),
        log_type=LogType.WAREHOUSE_QUERY,
        techniques=("TA0010:T1567.002",),
        tags=("Snowflake",),
        reference="https://docs.snowflake.com/en/sql-reference/account-usage/query_history",
        summary=("USER_NAME",),
        body="""
            def rule(event):
                return event.get("QUERY_TYPE") == "UNLOAD" and event.get("EXECUTION_STATUS") == "SUCCESS"


            def title(event):
                return f"{event.get('USER_NAME')} wrote a table to a stage"


            def alert_context(event):
                return {key: event.get(key) for key in ("USER_NAME", "ROLE_NAME", "QUERY_TEXT", "QUERY_TAG")}
        """,
    ),
    Detection(
        id="Snowflake.Login.PasswordOnly",
        name="Login with nothing but a password",
        severity="MEDIUM",
        description="A program's user logged in with a password, where a key is the rule.",
        runbook=(
            "Check whether an administrator set a password for this user before the login",
            "Check whether the address is known, and which users came from it",
            "Compare what the user did afterwards with what it does every day",
        ),
        log_type=LogType.WAREHOUSE_LOGIN,
        techniques=("TA0001:T1078.004",),
        tags=("Snowflake",),
        reference="https://docs.snowflake.com/en/sql-reference/account-usage/login_history",
        summary=("USER_NAME", "CLIENT_IP"),
        body="""
            def rule(event):
                return (
                    event.get("IS_SUCCESS") == "YES"
                    and event.get("FIRST_AUTHENTICATION_FACTOR") == "PASSWORD"
                    and event.get("USER_NAME", "").startswith("LOADER_")
                )


            def title(event):
                return f"{event.get('USER_NAME')} logged in with a password"


            def alert_context(event):
                return {key: event.get(key) for key in ("USER_NAME", "CLIENT_IP", "REPORTED_CLIENT_TYPE")}
        """,
    ),
    Detection(
        id="OneLogin.Identity.Assumed",
        name="Identity of another person assumed",
        severity="MEDIUM",
        description="Somebody went on as another person.",
        runbook=(
            "Check whether this actor assumed identities in the past 30 days, and whose",
            "List what was done as the other person, and whether a password was changed",
            "Check from where the other person signs in afterwards",
        ),
        log_type=LogType.ONELOGIN,
        techniques=("TA0003:T1098",),
        tags=("OneLogin",),
        summary=("p_any_usernames",),
        body="""
            def rule(event):
                return event.get("event_type_id") == "3" and event.get("actor_user_id") != event.get("user_id")


            def title(event):
                return f"{event.get('actor_user_name')} assumed the identity of {event.get('user_name')}"


            def alert_context(event):
                return {key: event.get(key) for key in ("actor_user_name", "user_name", "ipaddr")}
        """,
    ),
    Detection(
        id="GitHub.ProtectedBranch.Overridden",
        name="Rules of a protected branch overridden",
        severity="MEDIUM",
        description="Somebody merged past the rules of a protected branch.",
        runbook=(
            "Check whether this actor overrode rules in the past 30 days, and colleagues",
            "Look at the build that follows: where it runs, and what it is given",
        ),
        log_type=LogType.GITHUB,
        techniques=("TA0005:T1562.001",),
        tags=("GitHub",),
        reference="https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository",
        summary=("actor", "repo"),
        body="""
            def rule(event):
                return event.get("action") == "protected_branch.policy_override"


            def title(event):
                return f"Branch rules of {event.get('repo')} overridden by {event.get('actor')}"


            def alert_context(event):
                return {key: event.get(key) for key in ("actor", "actor_ip", "repo", "pull_request_title")}
        """,
    ),
    Detection(
        id="AWS.IAM.AdministratorAttached",
        name="Administrator policy attached to a role",
        severity="HIGH",
        description="A role received all rights in the account.",
        runbook=(
            "Check whether a run of the pipeline came before it, as in the past 30 days",
            "List what the role did since, and from where",
            "Check whether the policy was detached within the hour",
        ),
        log_type=LogType.CLOUDTRAIL,
        techniques=("TA0004:T1098.003",),
        tags=("AWS", "IAM"),
        reference="https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html",
        summary=("sourceIPAddress", "p_any_aws_arns"),
        body="""
            def rule(event):
                return (
                    event.get("eventName") == "AttachRolePolicy"
                    and event.deep_get("requestParameters", "policyArn", default="").endswith("/AdministratorAccess")
                    and not event.get("errorCode")
                )


            def title(event):
                return f"Administrator policy attached to role {event.deep_get('requestParameters', 'roleName')}"


            def alert_context(event):
                return {
                    "actor": event.deep_get("userIdentity", "arn"),
                    "sourceIPAddress": event.get("sourceIPAddress"),
                    "role": event.deep_get("requestParameters", "roleName"),
                }
        """,
    ),
)
