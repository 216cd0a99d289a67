"""The short comment that says that an investigation has begun."""

from triage.domain.alert import Alert
from triage.domain.clean import indent_formulas
from triage.domain.report import Format, Marker, Report
from triage.ports import Prompts

TEMPLATES: dict[Format, str] = {"HTML": "started.html.j2", "PLAIN_TEXT": "started.txt.j2"}


def build_started(alert: Alert, run_id: str, *, prompts: Prompts) -> Report:
    """Announce a run on its alert; the result takes the comment's place.

    Raises:
        PromptError: A template is missing or broken.
    """

    def form(kind: Format) -> str:
        content = prompts.render(TEMPLATES[kind], {"run_id": run_id}).strip()
        content = content if kind == "HTML" else indent_formulas(content)
        return Marker.of(alert.id, run_id, content).sign(content, kind)

    as_html, as_text = form("HTML"), form("PLAIN_TEXT")
    return Report(html=as_html, text=as_text, brief_html=as_html, brief_text=as_text)
