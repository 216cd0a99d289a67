"""A secret in the title or context of a listed alert is cleaned before anything is stored."""

import json
from pathlib import Path

from tests.support.cli import run_cli, write_config
from tests.support.tiny_world import ALERTS, write_world
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

TOKEN = f"ghp_{'a1B2c3' * 6}"
OWN = "sandbox-token"
"""The token that the configuration names."""


def test_a_secret_in_a_title_reaches_neither_store_nor_comment_nor_export(tmp_path: Path) -> None:
    """Neither a token with a known shape nor the program's own, whether the alert is only listed or investigated."""
    folder = tmp_path / "world"
    folder.mkdir()
    world = load_world(write_world(folder))
    for each in ALERTS:
        world.alerts[str(each["id"])]["title"] = f"Token {TOKEN} and {OWN} used"
    with SandboxServer(world, SandboxOptions(query_latency=0.0)) as panther:
        write_config(tmp_path, panther.url)
        assert run_cli("run", "--once", "--workers", "0", directory=tmp_path).status == 0
        listed = run_cli("list", "--json", directory=tmp_path).out
        ran = run_cli("run", "--once", "--write", "--json", directory=tmp_path)
        comments = json.dumps([panther.comments(str(each["id"])) for each in ALERTS])
    exported = run_cli("export", "alerts", directory=tmp_path).out

    stored = b"".join(path.read_bytes() for path in tmp_path.glob("*.db*"))
    assert "[redacted GitHub token" in listed
    for secret in (TOKEN, OWN):
        assert secret not in listed + ran.out + ran.err + comments + exported
        assert secret.encode() not in stored
