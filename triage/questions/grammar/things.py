"""Nouns for what is acted on, as programs call these things in the names of their actions."""

from typing import Final

from triage.questions.grammar.lexicon import ROLES, stem

_OBJECTS = """
    bucket object role policy user group key secret snapshot instance database cluster file token webhook repository
    table function image volume certificate domain member project team app application disk vault firewall
    permission lock runbook script job notebook container blob share subscription storage network account backup
    template schedule watcher workspace rule connector integration package workflow runner branch organization
    parameter stack topic queue stream pod node namespace deployment ingress cronjob daemonset rolebinding
    clusterrolebinding server trail detector envelope recipient catalog metastore library query warehouse pipeline
    model endpoint oauth client consent delegation filter email message artifact folder document channel profile
    provider device automation setting configuration resource service binding route gateway recovery session logging
    versioning encryption replication federation compute
"""
_THINGS = """
    event hub, alert rule, alert suppression rule, action group, access policy, log file, log group, api key, access
    key, login profile, security group, security group ingress, network security group, route table, virtual
    machine, virtual network, public ip address, load balancer, restore point, restore point collection, packet
    capture, flow log, network watcher, diagnostic setting, network interface, key vault, storage account, storage
    container, file share, sql server, role binding, cluster role binding, automation account, resource group,
    immutability policy, firewall policy, firewall rule, service account, service principal, service account key,
    automated backup, activity stream, init script, global init script, secret key, user group, identity provider,
    role definition, policy assignment, network acl, bucket policy, iam policy, iam role, kms key, service key, mcp
    server, alert suppression, metric alert, managed identity, session token, conditional access policy, cron job,
    branch protection, password policy, user account
"""
OBJECTS: Final = frozenset(_OBJECTS.split())
THINGS: Final = frozenset(tuple(map(stem, phrase.split())) for phrase in _THINGS.split(","))
"""The same in several words."""
WHOLES: Final = frozenset({"account", "organization", "project", "workspace", "subscription", "network", "service"})
"""Where things are done; none of them is what an act is done to."""
SYNONYMS: Final = {
    "database": "db", "repository": "repo", "organization": "org", "application": "app", "configuration": "config",
}  # fmt: skip
"""Words that names of actions use for each other."""
GENERIC_OBJECTS: Final = frozenset(
    {"resource", "key", "service", "setting", "configuration", "object", "api", "account", "other", "app"}
)
"""Nouns that say too little without what stands before them."""
ABBREVIATIONS: Final = {
    "nsg": "network security group", "vm": "virtual machine", "repo": "repository", "db": "database",
    "config": "configuration", "rbac": "role",
}  # fmt: skip
CREDENTIALS: Final = frozenset(
    {
        "api key", "access key", "service key", "service account key", "token", "api token", "access token", "secret key",
        "personal access token", "credential", "admin api key", "client secret",
    }
)  # fmt: skip
"""What gives access by itself; making one is an act of its own class."""
RIGHTS: Final = frozenset(
    {
        "role", "permission", "privilege", "policy", "membership", "admin", "access", "member", "right", "group",
        "consent",
    }
)  # fmt: skip
"""What is given to somebody by adding, assigning or attaching it."""


def is_single(name: str) -> bool:
    """Whether a name in several words is one thing's, and no kind of another's: `storage account`, not `s3 bucket`."""
    return " " not in name or tuple(name.split()) in THINGS


def is_thing(name: str) -> bool:
    """Whether a noun is known as something that is acted on."""
    words = tuple(name.split())
    return name in OBJECTS or words in THINGS or words in ROLES
