"""Azure, Google Cloud and Kubernetes: keys of storage, open firewalls, and privileged pods."""

from tools.worlds.cast import Cast
from tools.worlds.company import Presence
from tools.worlds.lake import Record, Scribe
from tools.worlds.records import azure, gcp, kubernetes
from tools.worlds.records.aws import pace
from tools.worlds.scenarios.stage import Stage, part, past

from .case import Case

_STORAGE = "rg-data/providers/Microsoft.Storage/storageAccounts/shopfiles"
_VAULT = "rg-data/providers/Microsoft.KeyVault/vaults/shop-keys/secrets/shopfiles"


def _act(stage: Stage, minutes: float, operation: str, resource: str) -> None:
    at = stage.after(minutes, minutes + 2) if minutes else stage.at
    azure.activity(stage.scribe, stage.branch, at, stage.person, stage.where, operation, resource, decisive=True)


def _list_keys(stage: Stage) -> None:
    _act(stage, 0, "Microsoft.Storage/storageAccounts/listKeys/action", _STORAGE)


def _renew_keys(stage: Stage) -> None:
    """The key is made anew and put where programs look for it."""
    _list_keys(stage)
    _act(stage, 4, "Microsoft.Storage/storageAccounts/regenerateKey/action", _STORAGE)
    _act(stage, 8, "Microsoft.KeyVault/vaults/secrets/write", _VAULT)
    for number, moment in enumerate(pace(stage.dice, stage.after(14, 18), 3, 40, 200)):
        azure.storage_read(
            stage.scribe, stage.branch, moment, stage.branch.builds.address, f"feed/{number:02}.csv", by_key=True,
            decisive=True,
        )  # fmt: skip


def _storage_history(scribe: Scribe, cast: Cast) -> None:
    for index, days_ago in ((0, 24), (2, 10)):
        _renew_keys(past(scribe.aside("keys"), cast, cast.branch.colleagues["cloud"][index], days_ago))


def keys_renewed(stage: Stage) -> None:
    """For the first time by this person, as by colleagues."""
    _renew_keys(stage)


def keys_taken(stage: Stage) -> None:
    """The key stays as it is, and an unknown address reads with it what nobody read before."""
    _list_keys(stage)
    where = stage.elsewhere()
    for number, moment in enumerate(pace(stage.dice, stage.after(6, 9), 14, 10, 60)):
        azure.storage_read(
            stage.scribe, stage.branch, moment, where.address, f"customers/{number:02}.parquet", by_key=True,
            decisive=True,
        )  # fmt: skip


def _open_port(stage: Stage, name: str) -> None:
    request: Record = {
        "name": name,
        "direction": "INGRESS",
        "sourceRanges": ["0.0.0.0/0"],
        "alloweds": [{"IPProtocol": "tcp", "ports": ["8080"]}],
    }
    gcp.call(
        stage.scribe, stage.branch, stage.at, stage.person, stage.where.address, "v1.compute.firewalls.insert",
        f"global/firewalls/{name}", request=request, decisive=True,
    )  # fmt: skip


def _open_for_test(stage: Stage) -> None:
    """A vendor calls back during a test; then the port is closed."""
    name = f"callback-{stage.dice.hex(4)}"
    _open_port(stage, name)
    for moment in pace(stage.dice, stage.after(3, 5), 3, 100, 240):
        gcp.call(
            stage.scribe, stage.branch, moment, stage.person, stage.where.address,
            "google.logging.v2.LoggingServiceV2.ListLogEntries", "logs", decisive=True,
        )  # fmt: skip
    gcp.call(
        stage.scribe, stage.branch, stage.after(26, 34), stage.person, stage.where.address,
        "v1.compute.firewalls.delete", f"global/firewalls/{name}", decisive=True,
    )  # fmt: skip


def _firewall_history(scribe: Scribe, cast: Cast) -> None:
    for index, days_ago in ((1, 22), (3, 13), (0, 5)):
        _open_for_test(past(scribe.aside("port"), cast, cast.branch.colleagues["cloud"][index], days_ago))


def opened_for_test(stage: Stage) -> None:
    """As colleagues did, and closed after half an hour."""
    _open_for_test(stage)


def opened_for_good(stage: Stage) -> None:
    """A machine gets a stranger's SSH key and start script; then the deployer's account acts from an unknown address."""
    scribe, branch = stage.scribe, stage.branch
    _open_port(stage, f"callback-{stage.dice.hex(4)}")
    machine = "zones/europe-west1-b/instances/shop-worker-2"
    for minutes, key in ((3, "ssh-keys"), (7, "startup-script")):
        gcp.call(
            scribe, branch, stage.after(minutes, minutes + 2), stage.person, stage.where.address,
            "v1.compute.instances.setMetadata", machine, request={"metadata": {"items": [{"key": key}]}}, decisive=True,
        )  # fmt: skip
    where, account = stage.elsewhere(), gcp.service_account(branch, "deployer")
    for moment in pace(stage.dice, stage.after(15, 18), 6, 15, 70):
        gcp.call(
            scribe, branch, moment, account, where.address, "storage.objects.get", "buckets/shop-customer-exports",
            agent="curl/8.5.0", decisive=True,
        )  # fmt: skip


def _privileged(stage: Stage, where: Presence) -> str:
    name = f"node-debugger-{stage.dice.hex(5)}"
    body: Record = {
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {
            "nodeName": f"node-{stage.dice.between(1, 6)}",
            "hostPID": True,
            "containers": [{"image": "busybox:1.36", "securityContext": {"privileged": True}}],
        },
    }
    kubernetes.call(
        stage.scribe, stage.at, stage.person.email, where.address, "create", "pods", f"kube-system/{name}", body=body,
        decisive=True,
    )  # fmt: skip
    return name


def _debug_node(stage: Stage) -> None:
    """Look at a node and its events, and take the pod away."""
    name = _privileged(stage, stage.where)
    email, address = stage.person.email, stage.where.address
    steps = (("get", "pods/log", f"kube-system/{name}"), ("list", "events", "kube-system/"), ("get", "nodes", "/"))
    for moment, (verb, what, target) in zip(pace(stage.dice, stage.after(2, 4), 3, 60, 150), steps, strict=True):
        kubernetes.call(stage.scribe, moment, email, address, verb, what, target, decisive=True)
    kubernetes.call(
        stage.scribe, stage.after(13, 18), email, address, "delete", "pods", f"kube-system/{name}", decisive=True
    )


def _node_history(scribe: Scribe, cast: Cast) -> None:
    for index, days_ago in ((2, 20), (1, 12), (3, 4)):
        _debug_node(past(scribe.aside("node"), cast, cast.branch.colleagues["cloud"][index], days_ago))


def node_debugged(stage: Stage) -> None:
    """On a trip, signed in from the hotel with a second factor."""
    azure.sign_in(stage.scribe, stage.branch, stage.before(16), stage.person, stage.where, decisive=True)
    _debug_node(stage)


def node_taken(stage: Stage) -> None:
    """With a copied configuration file, from where nobody signed in; the person is at work elsewhere."""
    scribe, where, email = stage.scribe, stage.elsewhere(), stage.person.email
    azure.sign_in(scribe, stage.branch, stage.before(16), stage.person, stage.where, decisive=True)
    name = _privileged(stage, where)
    kubernetes.call(
        scribe, stage.after(1, 2), email, stage.where.address, "list", "pods", "orders/", decisive=True
    )  # fmt: skip
    steps = (
        ("list", "secrets", "kube-system/"),
        ("list", "secrets", "/"),
        ("create", "serviceaccounts/token", "kube-system/admin"),
    )
    for moment, (verb, what, target) in zip(pace(stage.dice, stage.after(3, 5), 3, 60, 150), steps, strict=True):
        kubernetes.call(scribe, moment, email, where.address, verb, what, target, decisive=True)
    kubernetes.call(
        scribe, stage.after(19, 25), email, where.address, "get", "pods/log", f"kube-system/{name}", decisive=True
    )


CASES = (
    Case(
        (
            part(
                "storage-keys/renewed",
                "benign",
                "The key is made anew and stored, and the build machines read with it from their usual address.",
                keys_renewed,
                team="cloud",
                hours_ago=7,
            ),
            part(
                "storage-keys/taken",
                "malicious",
                "Usual actor and address; the key stays, and an unknown address reads fourteen files of customers with "
                "it.",
                keys_taken,
                team="cloud",
                hours_ago=7,
                subtle=True,
            ),
        ),
        _storage_history,
    ),
    Case(
        (
            part(
                "port/test",
                "benign",
                "The rule is deleted after half an hour and nothing else is touched, as colleagues did.",
                opened_for_test,
                team="cloud",
                hours_ago=13,
            ),
            part(
                "port/open",
                "malicious",
                "Usual actor and address; the rule stays, a machine gets a key and a start script, and the deployer's "
                "account reads exports from an unknown address.",
                opened_for_good,
                team="cloud",
                hours_ago=13,
                subtle=True,
            ),
        ),
        _firewall_history,
    ),
    Case(
        (
            part(
                "node/debugged",
                "benign",
                "New address after a sign-in there with a second factor; the pod is deleted soon, as by colleagues.",
                node_debugged,
                team="cloud",
                hours_ago=10,
                travels=True,
            ),
            part(
                "node/taken",
                "malicious",
                "No sign-in from that address, and the person is at work at another; secrets are listed, the pod stays.",
                node_taken,
                team="cloud",
                hours_ago=10,
            ),
        ),
        _node_history,
    ),
)
