"""The files of `examples/deploy` agree with the program: commands, ports, paths, users, variables and metrics."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.shared import ROOT
from tests.support.stores import sqlite_url
from tests.unit.cli.test_documents import commands, parse
from triage.cli.web import command as web_command
from triage.domain.polling import STATUS, PollStatus
from triage.domain.verdict import Disposition
from triage.edges.clock import SystemClock
from triage.edges.store import open_store
from triage.ports import State
from triage.service.status import POLLER, ProcessHealth
from triage.settings import load_settings
from triage.web.metrics import Metrics
from triage.web.server import LOOPBACK, address, bound, serving, url_of

DEPLOY = ROOT / "examples" / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
UNIT = (DEPLOY / "systemd" / "triage.service").read_text(encoding="utf-8")
WEB_UNIT = (DEPLOY / "systemd" / "triage-web.service").read_text(encoding="utf-8")
OAUTH2_PROXY = tomllib.loads((DEPLOY / "oauth2-proxy" / "oauth2-proxy.cfg").read_text(encoding="utf-8"))
CONTAINERFILE = (DEPLOY / "container" / "Containerfile").read_text(encoding="utf-8")
RULES = (DEPLOY / "prometheus" / "alerts.yaml").read_text(encoding="utf-8")
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
DOCUMENT = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def objects() -> list[dict[str, Any]]:
    """All Kubernetes objects."""
    files = ("triage.yaml", "postgres.yaml")
    return [each for name in files for each in yaml.safe_load_all((KUBERNETES / name).read_text(encoding="utf-8"))]


PODS = {each["metadata"]["name"]: each["spec"] for each in objects() if each["kind"] == "StatefulSet"}
TRIAGE = PODS["triage"]["template"]["spec"]
(CONTAINER,) = TRIAGE["containers"]


def instruction(name: str) -> list[str]:
    """What follows this instruction of the Containerfile, each time."""
    return re.findall(rf"^{name} (.+)$", CONTAINERFILE, re.MULTILINE)


def setting(name: str, unit: str = UNIT) -> str:
    """The value of a line of a systemd unit."""
    (value,) = re.findall(rf"^{name}=(.*)$", unit, re.MULTILINE)
    return str(value)


def test_their_commands_parse() -> None:
    """The unit's, the image's and the pod's command are commands of the program, to the last option."""
    entry, default = json.loads(instruction("ENTRYPOINT")[0]), json.loads(instruction("CMD")[0])
    program, _, rest = setting("ExecStart").partition(" ")
    assert Path(program).name == entry[0] == "triage"
    for command in (f"triage {rest}", " ".join([*entry, *default]), " ".join([*entry, *CONTAINER["args"]])):
        parse(command)
        assert command.startswith("triage --config /etc/triage/config.yaml run --listen ")


def test_their_ports_agree() -> None:
    """One port: served by the program, exposed by the image, probed, scraped and reached through the service."""
    _, port = address(setting("ExecStart").rsplit(maxsplit=1)[-1])
    host, image_port = address(json.loads(instruction("CMD")[0])[-1])
    assert host == "0.0.0.0"
    (service,) = [each for each in objects() if each["kind"] == "Service" and each["metadata"]["name"] == "triage"]
    annotations = PODS["triage"]["template"]["metadata"]["annotations"]
    assert {
        image_port,
        int(instruction("EXPOSE")[0]),
        address(CONTAINER["args"][-1])[1],
        CONTAINER["ports"][0]["containerPort"],
        service["spec"]["ports"][0]["port"],
        int(annotations["prometheus.io/port"]),
        int(re.findall(r"--listen (\d+)", (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8"))[0]),
    } == {port}
    names = {CONTAINER["ports"][0]["name"]}
    assert {CONTAINER[probe]["httpGet"]["port"] for probe in ("readinessProbe", "livenessProbe")} == names
    assert service["spec"]["ports"][0]["targetPort"] in names


@pytest.mark.parametrize("name", list(PODS))
def test_a_pod_may_do_nothing_that_it_need_not(name: str) -> None:
    """Another user than root, a root that is read-only, no capability, no token of the cluster; probed and bounded."""
    pod = PODS[name]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    volumes = {
        each["name"]
        for each in (*pod["volumes"], *({"name": c["metadata"]["name"]} for c in PODS[name]["volumeClaimTemplates"]))
    }
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"readinessProbe", "livenessProbe"} <= container.keys()
        assert "memory" in container["resources"]["limits"]
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_the_pages_are_served_where_the_proxy_looks_for_them() -> None:
    """The unit's command parses and serves on loopback at the default port, which is the upstream of oauth2-proxy."""
    _, _, rest = setting("ExecStart", WEB_UNIT).partition(" ")
    parse(f"triage {rest}")
    host, port = address(rest.rsplit(maxsplit=1)[-1])
    assert host == LOOPBACK
    assert OAUTH2_PROXY["upstreams"] == [f"http://{host}:{port}/"]
    listen = next(each for each in web_command.params if each.name == "listen")
    assert listen.default == str(port)


def test_the_pages_share_the_state_and_no_secret() -> None:
    """Both units run as one user in one directory; each has an environment of its own; the guards of the host are the same."""
    same = ("User", "Group", "StateDirectory", "WorkingDirectory", "UMask", "RestartPreventExitStatus", "WantedBy")
    assert [setting(name, WEB_UNIT) for name in same] == [setting(name) for name in same]
    assert setting("EnvironmentFile", WEB_UNIT) != setting("EnvironmentFile")
    assert WEB_UNIT.partition("NoNewPrivileges")[2] == UNIT.partition("NoNewPrivileges")[2]


@pytest.mark.parametrize("number", [0, 1])
def test_the_set_ups_of_the_pages_load(number: int, tmp_path: Path) -> None:
    """Each section `web` of docs/web.md is a valid one, and agrees with the configuration of oauth2-proxy."""
    text = (ROOT / "docs" / "web.md").read_text(encoding="utf-8")
    sections = re.findall(r"^```yaml\n(web:\n.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(sections) == 2
    panther = "panther: {url: 'http://127.0.0.1:1', token: t}\n"
    (tmp_path / "config.yaml").write_text(panther + sections[number], encoding="utf-8")
    web = load_settings(tmp_path / "config.yaml", environment={"TRIAGE_WEB_TOKEN": "0123456789abcdef" * 3}).web
    assert web.guarded
    assert f"{web.url}/oauth2/callback" == OAUTH2_PROXY["redirect_url"]
    assert web.user_header in ("", "X-Forwarded-Email")
    assert OAUTH2_PROXY["pass_user_headers"]
    assert OAUTH2_PROXY["pass_host_header"]


def test_their_places_agree() -> None:
    """The user, the directory that is written and the configuration's are the same in image, pod and unit."""
    state = instruction("WORKDIR")[-1]
    user = TRIAGE["securityContext"]["runAsUser"]
    mounts = {each["mountPath"]: each for each in CONTAINER["volumeMounts"]}
    assert instruction("USER") == [f"{user}:{user}"]
    assert f"-o {user} -g {user} -m 0700 {state}" in CONTAINERFILE
    assert state == instruction("VOLUME")[0] == setting("WorkingDirectory") == f"/var/lib/{setting('StateDirectory')}"
    assert "readOnly" not in mounts[state]
    assert mounts["/etc/triage"]["readOnly"] is True


def test_the_image_has_what_a_wheel_needs() -> None:
    """Each file that the build names is copied, exists, and the extras are those of the bill of materials."""
    copied = {word for line in instruction("COPY") if "--from" not in line for word in line.split()[:-1]}
    assert all((ROOT / name).exists() for name in copied)
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {
        *wheel["packages"],
        *wheel["force-include"],
        PROJECT["project"]["readme"],
        *PROJECT["project"]["license-files"],
    }
    assert needed | {"pyproject.toml"} == copied
    (extras,) = re.findall(r"pip install \S+ '\.\[([\w,]+)\]'", CONTAINERFILE)
    assert set(extras.split(",")) <= PROJECT["project"]["optional-dependencies"].keys()
    assert f"dist/*.whl)[{extras}]" in MAKEFILE


def test_the_configuration_is_read_as_it_is_mounted(tmp_path: Path) -> None:
    """A mounted file is a link into a directory that is one too. Its variables are the documented keys of the secret."""
    data = tmp_path / "..2031"
    data.mkdir()
    shutil.copy(KUBERNETES / "config.yaml", data)
    (tmp_path / "..data").symlink_to(data.name)
    (tmp_path / "config.yaml").symlink_to("..data/config.yaml")
    secret = set(re.findall(r"--from-literal=(\w+)=", DOCUMENT))
    variables = set(re.findall(r"\$\{(\w+)\}", (KUBERNETES / "config.yaml").read_text(encoding="utf-8")))
    settings = load_settings(tmp_path / "config.yaml", environment={"PANTHER_API_TOKEN": "x"})
    assert Path(settings.writeback.audit).parent.as_posix() in {each["mountPath"] for each in CONTAINER["volumeMounts"]}
    (service,) = [each for each in objects() if each["kind"] == "Service" and each["metadata"]["name"] == "postgres"]
    environment = {each["name"]: each for each in PODS["postgres"]["template"]["spec"]["containers"][0]["env"]}
    assert settings.store.url == (
        f"postgresql://{environment['POSTGRES_USER']['value']}@{service['metadata']['name']}/{environment['POSTGRES_DB']['value']}"
    )
    assert CONTAINER["envFrom"] == [{"secretRef": {"name": "triage"}}]
    assert environment["POSTGRES_PASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": "triage", "key": "PGPASSWORD"}
    assert secret <= variables | {"PGPASSWORD"}
    assert {"PANTHER_API_TOKEN", "PGPASSWORD"} <= secret


def samples(text: str) -> dict[str, str]:
    """Each family of a text in Prometheus' format by the name that a query uses, and its kind."""
    found = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
    # When a series began, which the library adds to each counter.
    return {name: kind for name, kind in found if not name.endswith("_created")}


@pytest.fixture
async def families(tmp_path: Path) -> dict[str, str]:
    """What a running server answers, every probe of the pod included."""
    store = await open_store(sqlite_url(tmp_path))
    try:
        now = SystemClock().now()
        polled = PollStatus(attempted_at=now, succeeded_at=now)
        await store.values.put(STATUS, polled.model_dump(mode="json"), now=now)
        await store.values.acquire_lease(POLLER, "another process", now=now, seconds=600)
        with bound(LOOPBACK, 0) as socket:
            async with (
                serving(socket, store, ProcessHealth(), Metrics("EUR"), SystemClock()),
                httpx.AsyncClient() as client,
            ):
                for probe in ("readinessProbe", "livenessProbe"):
                    answer = await client.get(url_of(socket) + CONTAINER[probe]["httpGet"]["path"])
                    assert answer.status_code == 200, answer.text
                return samples((await client.get(f"{url_of(socket)}/metrics")).text)
    finally:
        await store.close()


def queried() -> Iterator[tuple[str, str]]:
    """Each query of the rules and of the dashboard, and where it is."""
    for group in yaml.safe_load(RULES)["groups"]:
        yield from ((f"rule {rule['alert']}", rule["expr"]) for rule in group["rules"])
    for panel in DASHBOARD["panels"]:
        yield from ((f"panel {panel['title']}", target["expr"]) for target in panel["targets"])


@pytest.mark.anyio
async def test_every_queried_metric_exists_and_every_metric_is_documented(families: dict[str, str]) -> None:
    """Rules and dashboard ask for what the program has, by its labels' values; docs/monitoring.md has each metric once."""
    histogram = {
        f"{name}{end}"
        for name, kind in families.items()
        if kind == "histogram"
        for end in ("_bucket", "_sum", "_count")
    }
    asked: set[str] = set()
    for place, query in queried():
        names = set(re.findall(r"\btriage_\w+", query))
        assert names, place
        assert names <= families.keys() | histogram, place
        assert set(re.findall(r'\bstate="(\w+)"', query)) <= {each.value for each in State}, place
        assert set(re.findall(r'\bdisposition="(\w+)"', query)) <= {each.value for each in Disposition}, place
        asked |= {re.sub("_(bucket|sum|count)$", "", name) if name in histogram else name for name in names}
    assert asked == families.keys()
    text = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`triage_.*?) \|", text, re.MULTILINE)
    documented = [name for row in rows for name in re.findall(r"`(triage_\w+)", row)]
    assert sorted(documented) == sorted(families)


def test_rules_name_commands_that_exist() -> None:
    """What a rule tells people to run is a command of the program."""
    named = list(commands(RULES))
    assert len(named) >= 5
    for command in named:
        parse(command)


@pytest.mark.parametrize(
    ("tool", "files"),
    [
        ("hadolint", ["container/Containerfile"]),
        ("kubernetes-validate --strict", ["kubernetes/triage.yaml", "kubernetes/postgres.yaml"]),
    ],
)
def test_a_linter_accepts_them(tool: str, files: list[str]) -> None:
    """The Containerfile has no fault that hadolint knows; the manifests have no property that Kubernetes does not."""
    program, *options = tool.split()
    found = shutil.which(program, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{program} is not installed beside this Python")
    ran = subprocess.run(
        [found, *options, *(str(DEPLOY / name) for name in files)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("text", [UNIT, WEB_UNIT], ids=["triage", "triage-web"])
def test_systemd_accepts_the_unit(text: str, tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing; the program's path is replaced by one that exists here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    unit = tmp_path / "triage.service"
    unit.write_text(text.replace(setting("ExecStart").split()[0], f'"{sys.executable}"'), encoding="utf-8")
    ran = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_prometheus_accepts_every_query(tmp_path: Path) -> None:
    """`promtool check rules` takes the rules, and the dashboard's queries as rules."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not here")
    variables = {"$job": "triage"}
    recorded = [
        {"record": f"panel:{number}", "expr": re.sub(r"\$job", variables["$job"], query)}
        for number, (place, query) in enumerate(queried())
        if place.startswith("panel")
    ]
    panels = tmp_path / "panels.yaml"
    panels.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}), encoding="utf-8")
    ran = subprocess.run(
        ["promtool", "check", "rules", str(DEPLOY / "prometheus" / "alerts.yaml"), str(panels)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_kustomize_builds_the_manifests() -> None:
    """`kubectl kustomize` gives every object in one namespace, with the image and the configuration put in."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not here")
    ran = subprocess.run(["kubectl", "kustomize", str(KUBERNETES)], capture_output=True, text=True, check=True)
    built = list(yaml.safe_load_all(ran.stdout))
    assert len(built) == len(objects()) + 1
    assert {each["metadata"]["namespace"] for each in built} == {"triage"}
    (config,) = [each for each in built if each["kind"] == "ConfigMap"]
    assert f"name: {config['metadata']['name']}" in ran.stdout.replace(
        f"  name: {config['metadata']['name']}\n  namespace", "", 1
    )
    version = re.findall(r'newTag: "(.*)"', (KUBERNETES / "kustomization.yaml").read_text(encoding="utf-8"))
    assert f"image: registry.example.com/triage:{version[0]}\n" in ran.stdout
