"""Secrets planted in events, titles, contexts and linked alerts: none leaves the program, and none is stored."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.support.background import scripted_model
from tests.support.cli import run_cli, write_config
from tests.support.endpoints import investigator
from tests.support.mcp import over_stdio, text_of
from tests.support.planted_secrets import FORMS, SECRETS
from tests.support.tiny_world import NOW, alert, event, write_world
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

ALERTS = 8
LINKED = 2


def planted_world(folder: Path) -> Path:
    """Each alert has an eighth of the forms, in its event, its context and, one after the other, its title."""
    world = write_world(folder)
    records: list[dict[str, Any]] = []
    matches: list[dict[str, Any]] = []
    for number in range(ALERTS):
        forms = dict(list(FORMS.items())[number::ALERTS])
        name = f"{number + 10:032x}"
        # The last ones have the title of an earlier one, and take its verdict.
        of_title = list(FORMS.items())[number % (ALERTS - LINKED) :: ALERTS]
        title = next(form for _, form in of_title if isinstance(form, str))
        records.append(alert(number, id=name, title=f"Door opened by {title}", context={"door": number, **forms}))
        columns = {f"field {place}": form for place, form in enumerate(forms.values())}
        matches.append(event(number, p_alert_id=name, p_rule_id="Door.Open", details=columns))
    for path, rows in (("alerts", records), ("lake/panther_rule_matches/custom_door", matches)):
        (folder / f"{path}.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return world


async def told_by_tools(directory: Path, alerts: list[str]) -> str:
    """What an MCP client is given of these alerts."""
    async with over_stdio(directory) as client:
        results = [await client.call_tool("list_alerts", {"limit": 50}), await client.call_tool("search_cases", {})]
        for alert in alerts:
            results += [
                await client.call_tool(tool, {"alert": alert})
                for tool in ("get_investigation", "explain_verdict", "get_evidence")
            ]
            results.append(await client.call_tool("get_evidence", {"alert": alert, "evidence": "E1", "sql": True}))
    assert not any(result.is_error for result in results)
    return "\n".join(map(text_of, results))


def test_a_planted_secret_reaches_nothing(tmp_path: Path) -> None:
    """Not the model, a comment, the store, the audit log, a log line, what commands and tools print, or an export.

    About 20 seconds: eight alerts with a scripted model, seven commands, and the tools of a client.
    """
    (tmp_path / "world").mkdir()
    with (
        SandboxServer(
            load_world(planted_world(tmp_path / "world"), as_recorded=True), SandboxOptions(query_latency=0.0)
        ) as panther,
        scripted_model(investigator, probes=True) as llm,
    ):
        more = f'llm: {{base_url: "{llm.url}", model: m, api_key: sk-test-0123456789}}\n'
        write_config(tmp_path, panther.url, more=more)
        ran = run_cli("run", "--once", "--write", "--verbose", "--now", NOW, directory=tmp_path)
        listed = run_cli("list", "--json", directory=tmp_path)
        states = [row["state"] for row in listed.json]
        texts = {
            "model": json.dumps(llm.requests, ensure_ascii=False),
            "comments": json.dumps([panther.comments(f"{number + 10:032x}") for number in range(ALERTS)]),
            "log": ran.out + ran.err,
            "list": listed.out,
        }
        for kind in ("assets", "risks"):
            exported = run_cli("export", kind, "--now", NOW, "--state", f"{kind}.db", directory=tmp_path)
            assert exported.out, exported.err
            texts[f"export {kind}"] = exported.out
    for command in (("export", "alerts"), ("cases",), ("status", "--json")):
        texts[" ".join(command)] = run_cli(*command, directory=tmp_path).out
    for number in range(ALERTS):
        texts[f"show {number}"] = run_cli("show", f"{number + 10:032x}", "--json", directory=tmp_path).out
    texts["mcp"] = asyncio.run(told_by_tools(tmp_path, [f"{number + 10:032x}" for number in range(ALERTS - LINKED)]))
    assert "[redacted" in texts["mcp"]
    written = {path for pattern in ("*.db*", "*audit*") for path in tmp_path.glob(pattern)}
    texts |= {path.name: path.read_bytes().decode("utf-8", "replace") for path in written}

    assert ran.status == 0, ran.err
    assert sorted(states) == ["done"] * (ALERTS - LINKED) + ["linked"] * LINKED
    assert len(llm.requests) > ALERTS
    assert "[redacted" in texts["model"]
    assert "[redacted" in texts["comments"]
    shown = {where: text.replace("\u200b", "").replace("\\u200b", "") for where, text in texts.items()}
    assert {where: secret for where, text in shown.items() for secret in SECRETS if secret in text} == {}
