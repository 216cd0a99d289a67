"""Azure, Google Cloud and Kubernetes: backups, machines with accelerators, and secrets of the cluster."""

from datetime import datetime, timedelta

from tools.worlds.branch import Branch
from tools.worlds.cast import Cast
from tools.worlds.lake import Record, Scribe
from tools.worlds.records import azure, endpoint, gcp, kubernetes
from tools.worlds.records.aws import pace
from tools.worlds.scenarios.stage import Stage, part, past
from tools.worlds.scenarios.unseen.case import Case

_COMPUTE, _RECOVERY, _NETWORK = "Microsoft.Compute", "Microsoft.RecoveryServices", "Microsoft.Network"
_VAULT = f"rg-backup/providers/{_RECOVERY}/vaults/shop-vault"
_ITEM = f"{_RECOVERY}/vaults/backupFabrics/protectionContainers/protectedItems"

_NEWER_LIBRARY = "google-api-go-client/0.5 Terraform/1.9.8 (+https://www.terraform.io) terraform-provider-google/6.12.0"
_FORECAST, _PRICES = "forecast", "price-jobs"
_EVERY = 6
_MOVED = 18
"""How many hours before the machine the forecast's jobs ran at the old address for the last time."""
_LATE = 7
"""How many minutes before the hour of the machine they run."""

_KUBECTL = "kubectl/v1.30.2 (windows/amd64) kubernetes/3968350"
_KUBECTL_FILE = "\\Program Files\\kubectl\\kubectl.exe"
_TERMINAL = "WindowsTerminal.exe"
_CLIENT = "client-go/v0.30"
_HELD = ("orders", "pricing", "checkout", "stock")


def _machine(name: str) -> str:
    return f"rg-shop/providers/{_COMPUTE}/virtualMachines/{name}"


def _item(name: str) -> str:
    container = f"iaasvmcontainerv2;rg-shop;{name}"
    return (
        f"{_VAULT}/backupFabrics/Azure/protectionContainers/IaasVMContainer;{container}/protectedItems/VM;{container}"
    )


def _act(stage: Stage, at: datetime, operation: str, resource: str) -> None:
    azure.activity(
        stage.scribe, stage.branch, at, stage.person, stage.where, operation, resource, decisive=True
    )  # fmt: skip


def _earlier(stage: Stage, index: int, days_ago: int) -> Stage:
    """What a colleague did on an earlier day, as a part of this story."""
    return past(stage.scribe.aside("earlier", days_ago), stage.cast, stage.branch.colleagues["cloud"][index], days_ago)


def backup_of_retired(stage: Stage) -> None:
    """Nobody else did so in the weeks before.

    An analyst finds that a colleague made a successor six days before and put it into backup, that another colleague
    switched the machine off four days before, that it is deleted minutes before its backup is, and that its disk and its
    network card follow while the successor is backed up.
    """
    made = _earlier(stage, 1, 6)
    _act(made, made.at, f"{_COMPUTE}/virtualMachines/write", _machine("shop-6"))
    _act(made, made.after(22, 30), f"{_ITEM}/write", _item("shop-6"))
    off = _earlier(stage, 2, 4)
    _act(off, off.at, f"{_COMPUTE}/virtualMachines/deallocate/action", _machine("shop-5"))
    _act(stage, stage.before(9), f"{_COMPUTE}/virtualMachines/delete", _machine("shop-5"))
    _act(stage, stage.at, f"{_ITEM}/delete", _item("shop-5"))
    after = (
        (f"{_COMPUTE}/disks/delete", f"rg-shop/providers/{_COMPUTE}/disks/shop-5-os"),
        (f"{_NETWORK}/networkInterfaces/delete", f"rg-shop/providers/{_NETWORK}/networkInterfaces/shop-5-nic"),
        (f"{_ITEM}/backup/action", _item("shop-6")),
    )
    for moment, (operation, resource) in zip(pace(stage.dice, stage.after(3, 5), 3, 90, 300), after, strict=True):
        _act(stage, moment, operation, resource)


def backup_of_living(stage: Stage) -> None:
    """From the person's own laptop, which is not theirs alone any more.

    An analyst finds that the machine is in use and stays, that the vault's protection against deletion and a lock go
    before, that snapshots are deleted and a command runs on the machine after, and that a program in a public folder of the
    laptop talks to an address never seen.
    """
    scribe, branch, person, where = stage.scribe, stage.branch, stage.person, stage.elsewhere().address
    program = "\\Users\\Public\\Libraries\\node.exe"
    endpoint.process(
        scribe, branch, stage.before(24), person, program, "node.exe index.js", parent="wscript.exe", decisive=True
    )  # fmt: skip
    for minutes in (23, 12, -9):
        endpoint.connect(scribe, branch, stage.before(minutes), person, program, where, decisive=True)
    before = (
        (f"{_RECOVERY}/vaults/backupconfig/write", f"{_VAULT}/backupconfig/vaultconfig"),
        ("Microsoft.Authorization/locks/delete", f"{_VAULT}/providers/Microsoft.Authorization/locks/keep"),
    )
    for moment, (operation, resource) in zip(pace(stage.dice, stage.before(7), 2, 40, 100), before, strict=True):
        _act(stage, moment, operation, resource)
    _act(stage, stage.at, f"{_ITEM}/delete", _item("shop-2"))
    after = (
        (f"{_COMPUTE}/snapshots/delete", f"rg-shop/providers/{_COMPUTE}/snapshots/shop-2-weekly"),
        (f"{_COMPUTE}/snapshots/delete", f"rg-shop/providers/{_COMPUTE}/snapshots/shop-3-weekly"),
        (f"{_COMPUTE}/virtualMachines/runCommand/action", _machine("shop-2")),
    )
    for moment, (operation, resource) in zip(pace(stage.dice, stage.after(3, 5), 3, 60, 200), after, strict=True):
        _act(stage, moment, operation, resource)


def _key(branch: Branch, name: str) -> str:
    account = gcp.service_account(branch, name)
    return f"projects/{branch.project}/serviceAccounts/{account}/keys/{branch.dice.child('key', name).hex(40)}"


def _job(
    scribe: Scribe, branch: Branch, start: datetime, name: str, address: str, agent: str, *, decisive: bool
) -> None:
    """A routine run of a service account: it reads its own bucket, and writes what it made."""
    methods = ("storage.objects.list", "storage.objects.get", "storage.objects.get", "storage.objects.create")
    for moment, method in zip(pace(scribe.dice, start, 4, 3, 25), methods, strict=True):
        gcp.call(
            scribe, branch, moment, gcp.service_account(branch, name), address, method, f"buckets/shop-{name}",
            agent=agent, key=_key(branch, name), decisive=decisive,
        )  # fmt: skip


def _jobs_history(scribe: Scribe, cast: Cast) -> None:
    """Two service accounts run four times a day at the address of the build machines, one of them until it moves."""
    branch = cast.branch
    last = branch.part("accelerators/training").at - timedelta(hours=_MOVED, minutes=_LATE)
    amid = branch.part("accelerators/coins").at + timedelta(hours=_EVERY / 2)
    every = timedelta(hours=_EVERY)
    for name, latest in ((_FORECAST, last), (_PRICES, amid)):
        for number in range((latest - scribe.timeline.start) // every):
            own = scribe.aside(name, number)
            _job(own, branch, latest - number * every, name, branch.builds.address, gcp.LIBRARY, decisive=False)


def _start_machine(stage: Stage, name: str, address: str, agent: str) -> str:
    """A machine with accelerators; the answer is the resource that it is."""
    resource = f"zones/europe-west4-a/instances/{name}-{stage.dice.hex(5)}"
    request: Record = {
        "machineType": "zones/europe-west4-a/machineTypes/a2-highgpu-4g",
        "guestAccelerators": [{"acceleratorType": "nvidia-tesla-a100", "acceleratorCount": "4"}],
    }
    gcp.call(
        stage.scribe, stage.branch, stage.at, gcp.service_account(stage.branch, name), address,
        "v1.compute.instances.insert", resource, request=request, agent=agent, key=_key(stage.branch, name),
        decisive=True,
    )  # fmt: skip
    return resource


def machine_for_training(stage: Stage) -> None:
    """A new address, a new version of the tool, and a first machine.

    An analyst finds that an engineer at the usual address reserved that very address for the project and gave the account
    its right to make machines a day before, that the account's routine runs moved there with the same key and stopped at the
    old one, and that the machine is deleted after its result is written to the account's own bucket.
    """
    scribe, branch, person = stage.scribe, stage.branch, stage.person
    account, runner = gcp.service_account(branch, _FORECAST), stage.elsewhere().address
    day_before = past(scribe.aside("move"), stage.cast, person, 1)
    reserved: Record = {"name": "forecast-runner", "address": runner, "addressType": "EXTERNAL"}
    gcp.call(
        scribe, branch, day_before.at, person, day_before.where.address, "v1.compute.addresses.insert",
        "regions/europe-west4/addresses/forecast-runner", request={"name": "forecast-runner"}, response=reserved,
        decisive=True,
    )  # fmt: skip
    delta: Record = {
        "policyDelta": {
            "bindingDeltas": [
                {"action": "ADD", "role": "roles/compute.instanceAdmin.v1", "member": f"serviceAccount:{account}"}
            ]
        }
    }
    gcp.call(
        scribe, branch, day_before.after(9, 14), person, day_before.where.address, "SetIamPolicy", "",
        service_data=delta, decisive=True,
    )  # fmt: skip
    for hours in (12, 6):
        _job(scribe, branch, stage.before(60 * hours + _LATE), _FORECAST, runner, _NEWER_LIBRARY, decisive=True)
    resource = _start_machine(stage, _FORECAST, runner, _NEWER_LIBRARY)
    gcp.call(
        scribe, branch, stage.after(18, 24), person, stage.where.address, "v1.compute.instances.list",
        "zones/europe-west4-a", decisive=True,
    )  # fmt: skip
    _job(scribe, branch, stage.after(50, 55), _FORECAST, runner, _NEWER_LIBRARY, decisive=True)
    gcp.call(
        scribe, branch, stage.after(58, 63), account, runner, "v1.compute.instances.delete", resource,
        agent=_NEWER_LIBRARY, key=_key(branch, _FORECAST), decisive=True,
    )  # fmt: skip


def machine_for_coins(stage: Stage) -> None:
    """At the usual address, with the usual key: the build machine is not the company's alone any more.

    An analyst finds calls that the account never made and that are refused minutes before, a machine outside of the hours of
    its runs, a port opened to everybody, the same key at an address never seen that lists exports of customers, and that
    the machine stays.
    """
    scribe, branch = stage.scribe, stage.branch
    account, builds, key = gcp.service_account(branch, _PRICES), branch.builds.address, _key(branch, _PRICES)
    tried = (
        ("SetIamPolicy", ""),
        ("v1.compute.projects.setCommonInstanceMetadata", "global"),
        ("v1.compute.acceleratorTypes.list", "zones/europe-west4-a"),
    )
    for moment, (method, resource) in zip(pace(stage.dice, stage.before(21), 3, 60, 200), tried, strict=True):
        gcp.call(
            scribe, branch, moment, account, builds, method, resource, agent=gcp.LIBRARY, key=key,
            denied=not method.endswith("list"), decisive=True,
        )  # fmt: skip
    _start_machine(stage, _PRICES, builds, gcp.LIBRARY)
    rule: Record = {"name": "allow-any", "direction": "INGRESS", "sourceRanges": ["0.0.0.0/0"]}
    gcp.call(
        scribe, branch, stage.after(5, 8), account, builds, "v1.compute.firewalls.insert", "global/firewalls/allow-any",
        request=rule, agent=gcp.LIBRARY, key=key, decisive=True,
    )  # fmt: skip
    where = stage.elsewhere().address
    for moment, (method, resource) in zip(
        pace(stage.dice, stage.after(31, 36), 3, 20, 90),
        (
            ("v1.compute.instances.list", "zones/europe-west4-a"),
            ("storage.objects.list", "buckets/shop-customer-exports"),
            ("storage.objects.get", "buckets/shop-customer-exports"),
        ),
        strict=True,
    ):
        gcp.call(
            scribe, branch, moment, account, where, method, resource, agent="python-requests/2.32.3", key=key,
            decisive=True,
        )  # fmt: skip


def _kubectl(stage: Stage, at: datetime, command: str, parent: str) -> None:
    endpoint.process(
        stage.scribe, stage.branch, at, stage.person, _KUBECTL_FILE, f"kubectl.exe {command}", parent=parent,
        decisive=True,
    )  # fmt: skip


def _ask(stage: Stage, at: datetime, verb: str, what: str, target: str) -> None:
    kubernetes.call(
        stage.scribe, at, stage.person.email, stage.where.address, verb, what, target, agent=_KUBECTL, decisive=True
    )  # fmt: skip


def _list_all(stage: Stage, parent: str) -> None:
    _kubectl(stage, stage.before(0.05), "get secrets -A", parent)
    _ask(stage, stage.at, "list", "secrets", "/")


def _rotate(stage: Stage) -> None:
    """Each password is set anew, its service started again, and read by the service itself."""
    _list_all(stage, _TERMINAL)
    for space, start in zip(_HELD, pace(stage.dice, stage.after(3, 5), len(_HELD), 120, 240), strict=True):
        _kubectl(stage, start, f"apply -n {space} -f database.yaml", _TERMINAL)
        patched, again, read = pace(stage.dice, start, 3, 1, 20)
        _ask(stage, patched, "patch", "secrets", f"{space}/database")
        _ask(stage, again, "patch", "deployments", f"{space}/{space}")
        kubernetes.call(
            stage.scribe, read, kubernetes.workload(space), stage.branch.pod(space), "get", "secrets",
            f"{space}/database", agent=_CLIENT, decisive=True,
        )  # fmt: skip


def _secrets_history(scribe: Scribe, cast: Cast) -> None:
    _rotate(past(scribe.aside("rotate"), cast, cast.branch.colleagues["cloud"][0], 26))


def secrets_rotated(stage: Stage) -> None:
    """A first time for the person; a colleague did so four weeks before.

    An analyst finds that each secret is written and none is read, that each service starts again and reads its own, and that
    the laptop's sensor saw a terminal start the command.
    """
    _rotate(stage)


def secrets_taken(stage: Stage) -> None:
    """At the person's own address, with their own rights.

    An analyst finds that the laptop's sensor saw a program from a temporary folder start the command, and that program talk
    to an address never seen; that secrets are read one by one and none is written; and that the account of a service is used
    from outside of the cluster afterwards.
    """
    scribe, branch, person = stage.scribe, stage.branch, stage.person
    program, where = f"\\Users\\{person.given}\\AppData\\Local\\Temp\\upd\\node.exe", stage.elsewhere().address
    endpoint.process(
        scribe, branch, stage.before(9), person, program, "node.exe a.js", parent="chrome.exe", decisive=True
    )  # fmt: skip
    endpoint.connect(scribe, branch, stage.before(8), person, program, where, decisive=True)
    _list_all(stage, "node.exe")
    spaces = (*_HELD, "returns", "mailing")
    for space, start in zip(spaces, pace(stage.dice, stage.after(1, 2), len(spaces), 6, 25), strict=True):
        _kubectl(stage, start, f"get secret database -n {space} -o json", "node.exe")
        _ask(stage, start + timedelta(seconds=1), "get", "secrets", f"{space}/database")
    endpoint.connect(scribe, branch, stage.after(6, 8), person, program, where, decisive=True)
    _used_outside(stage, stage.after(19, 25), "orders", where)


def _used_outside(stage: Stage, start: datetime, space: str, address: str) -> None:
    for moment, (verb, what) in zip(
        pace(stage.dice, start, 2, 20, 60), (("list", "pods"), ("get", "configmaps")), strict=True
    ):
        kubernetes.call(
            stage.scribe, moment, kubernetes.workload(space), address, verb, what, f"{space}/", agent="curl/8.7.1",
            decisive=True,
        )  # fmt: skip


CASES = (
    Case(
        (
            part(
                "backup-item/retired",
                "benign",
                "A first time; the machine has a successor in backup, was switched off days before by a colleague, and "
                "goes with its disk.",
                backup_of_retired,
                team="cloud",
                hours_ago=10,
                subtle=True,
            ),
            part(
                "backup-item/living",
                "malicious",
                "Usual address; the machine is in use, soft delete and a lock go first, snapshots follow, and a program "
                "on the laptop talks to an unknown address.",
                backup_of_living,
                team="cloud",
                hours_ago=16,
            ),
        ),
    ),
    Case(
        (
            part(
                "accelerators/training",
                "benign",
                "New address and tool; an engineer reserved the address and gave the right, the routine moved there, and "
                "the machine is deleted after its result.",
                machine_for_training,
                team="cloud",
                hours_ago=4,
                subtle=True,
            ),
            part(
                "accelerators/coins",
                "malicious",
                "Usual address and key; refused calls before, an open port after, the key at an unknown address, and the "
                "machine stays.",
                machine_for_coins,
                team="cloud",
                hours_ago=12,
                subtle=True,
            ),
        ),
        _jobs_history,
    ),
    Case(
        (
            part(
                "all-secrets/rotated",
                "benign",
                "Each secret is written, none is read, each service starts again; a terminal started the command.",
                secrets_rotated,
                team="cloud",
                hours_ago=19,
            ),
            part(
                "all-secrets/taken",
                "malicious",
                "Usual address; a program in a temporary folder started the command, secrets are read one by one, and a "
                "service's account is used from outside.",
                secrets_taken,
                team="cloud",
                hours_ago=6,
                subtle=True,
            ),
        ),
        _secrets_history,
    ),
)
