"""Foreign text in every field of an investigation that can hold any."""

from hypothesis import strategies as st

from tests.support.odd_investigations import suspicious
from triage.domain.alert import Alert, DetectionOrigin
from triage.domain.verdict import Investigation

HOSTILE = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "<img src=x onerror=alert(1)>",
            "[x](https://evil.example)",
            "@channel",
            '=HYPERLINK("https://evil.example")',
            "\u202egnp.exe",
            "\x1b[2J",
            "javascript:alert(1)",
            "triage-marker: v1 x y 000000000000",
            "https://evil.example/a?b=c",
            "```\n# heading",
            "evil.example",
            "x@evil.example @here <!channel>",
            "+1+cmd|' /C calc'!A0",
            "-2+3",
            "\t=1+1",
            "\r\n=1+1",
            "</code></pre><svg onload=alert(1)>",
            "{{ 7*7 }}{% raw %}",
            "\ud800",
            "\u2028\u2029\u0085",
            "ftp://evil.example data:text/html,x",
        ]
    ),
)


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[Alert, Investigation]:
    """An investigation with foreign text in every field that can hold any."""
    alert, found = suspicious()

    def write() -> str:
        return draw(HOSTILE)

    verdict = found.verdict
    findings = tuple(
        checked.model_copy(update={"finding": checked.finding.model_copy(update={"text": write()})})
        for checked in verdict.findings
    )
    evidence = tuple(
        entry.model_copy(
            update={
                "question": write(),
                "sql": f"SELECT '{write()}' FROM t -- {write()}",
                "error": write() if number == 2 else "",
                "log_type": write(),
                "key": write(),
                "columns": (write(),),
                "rows": tuple({**row, "eventType": write(), "actor": write(), write(): write()} for row in entry.rows),
            }
        )
        for number, entry in enumerate(found.evidence)
    )
    runbook = tuple(answer.model_copy(update={"text": write(), "answer": write()}) for answer in verdict.runbook)
    actions = tuple(action.model_copy(update={"entity": write()}) for action in verdict.actions)
    entities = tuple(
        entity.model_copy(update={"value": write(), "facts": {write(): write()}}) for entity in found.entities
    )
    origin = DetectionOrigin(id=write(), name=write())
    return (
        alert.model_copy(update={"title": write(), "origin": origin, "notes": (write(),)}),
        found.model_copy(
            update={
                "verdict": verdict.model_copy(
                    update={
                        "summary": write(),
                        "reason": write(),
                        "calibration": write(),
                        "findings": findings,
                        "runbook": runbook,
                        "techniques": (write(), "T1078"),
                        "actions": actions,
                    }
                ),
                "evidence": evidence,
                "entities": entities,
                "notes": (write(),),
                "model": write(),
                "run_id": write(),
                "prompt_digest": write(),
            }
        ),
    )
