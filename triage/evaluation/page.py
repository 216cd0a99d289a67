"""An evaluation as one HTML page: no script, nothing from elsewhere."""

from html import escape

from triage.domain.clean import printable
from triage.evaluation.plots import intervals, reliability_curve
from triage.evaluation.result import EvaluationResult
from triage.evaluation.text import evaluation_text

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
svg { max-width: 100%; height: auto; }
pre { overflow-x: auto; background: #f6f6f6; padding: 1rem; }
table { border-collapse: collapse; } td, th { padding: .2rem .7rem; text-align: left; border-bottom: 1px solid #ddd; }
.wrong { color: #a32020; }
"""


def evaluation_page(result: EvaluationResult) -> str:
    """Figures, plots and every alert.

    Raises ConfigError where matplotlib is not installed.
    """
    scores = result.scores
    whole = scores.whole
    rates = [
        ("malicious called malicious", whole.recall),
        ("… counting suspicious", whole.caught),
        ("benign called benign", whole.rejection),
        ("right by the label", whole.accepted),
        ("silent log, neither extreme", scores.silent),
        ("twins told apart", scores.twins),
    ]
    against = [(name, part.accepted) for name, part in result.answerers().items()]
    types = [(name, part.accepted) for name, part in scores.by_log_type.items()]
    rows = []
    for entry in result.alerts:
        said = entry.outcome.verdict.value if entry.outcome.verdict else "failed"
        wrong = "" if entry.accepted else ' class="wrong"'
        rows.append(
            f"<tr{wrong}><td>{_shown(entry.outcome.alert_id)}</td><td>{_shown(entry.outcome.detection)}</td>"
            f"<td>{_shown(entry.truth)}</td><td>{escape(said)}</td><td>{entry.outcome.confidence:.2f}</td></tr>"
        )
    who = "offline analyst" if result.analyst == "offline" else result.model
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Evaluation: {_shown(result.world)}</title><style>{STYLE}</style></head><body>"
        f"<h1>Evaluation: {_shown(result.world)}, {_shown(who)}</h1>"
        "<p>Lines are 95 % intervals; alerts of one incident count as one group.</p>"
        f"<h2>Rates</h2>{intervals('Rates', rates)}"
        f"<h2>Right by the label, beside answers that need no investigation</h2>{intervals('Baselines', against)}"
        f"<h2>Right by log type</h2>{intervals('By log type', types)}"
        f"<h2>Confidence</h2>{reliability_curve('Confidence', scores.calibration.table)}"
        f"<h2>Figures</h2><pre>{escape(evaluation_text(result))}</pre>"
        "<h2>Alerts</h2><table><tr><th>alert</th><th>detection</th><th>truth</th><th>verdict</th>"
        f"<th>confidence</th></tr>{''.join(rows)}</table></body></html>\n"
    )


def _shown(text: str) -> str:
    return escape(printable(text, 200))
