"""Remakes the examples: `python -m examples.make`, from the project's root; takes about a minute.

The generated company is triaged by the offline analyst (`triage demo`); of each verdict the first alert is shown as the
comment that Panther gets, the first of all also as a page, and the whole as a shift and on the team's pages. The pictures
need Chromium (Debian: `apt-get install chromium`); without it they stay unchanged.
"""

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.support.browser import CHROMIUM, browser
from tests.support.team import TOKEN, pages_served
from triage.cli.common import note
from triage.cli.demo import STORE, run_demo
from triage.cli.state import each_record
from triage.domain.verdict import Disposition, Investigation
from triage.edges.clock import SystemClock
from triage.edges.prompts import load_prompts
from triage.ports import AlertRecord, State
from triage.settings import Settings, parse_settings
from triage.stages.reporting.comment import build_report
from triage.stages.reporting.page import page
from triage.stages.reporting.shift import Shift, shift_page
from triage.stages.reporting.story import tell_story

HERE = Path(__file__).parent
PICTURES = (
    ("alert.html", "alert-desktop.png", 1280, 1000, 0.7, False, ""),
    ("alert.html", "alert-desktop-dark.png", 1280, 1000, 0.7, True, "#timeline"),
    ("alert.html", "alert-phone.png", 390, 1250, 0.9, False, ""),
    ("report.html", "report-desktop.png", 1280, 900, 0.7, False, ""),
)
"""Page, picture, width and height in CSS pixels, pixels of the picture to one of these, dark, and the element at the top."""
WEB_PICTURES = (
    ("/", "web-queue-desktop.png", 1280, 900, 0.7),
    ("/?verdict=malicious", "web-alert-phone.png", 390, 1250, 0.9),
    ("/status", "web-status-phone.png", 390, 800, 0.9),
)
"""Page, picture, width and height in CSS pixels, pixels of the picture to one of these; of a list of one verdict the first alert."""
_ORDER = (Disposition.MALICIOUS, Disposition.SUSPICIOUS, Disposition.INCONCLUSIVE, Disposition.BENIGN)


def settings_of(directory: Path) -> Settings:
    """A configuration for the state database of a finished demo, whose pages take a token."""
    return parse_settings(
        f"panther:\n  url: http://127.0.0.1:9\n  token: none\nstore:\n  url: sqlite:///{directory / STORE}\n"
        f"web:\n  token: {TOKEN}\n",
        name="examples",
        environment={},
    )


def write(directory: Path) -> None:
    """Write comment and pages from the state database of a finished demo."""
    settings = settings_of(directory)
    prompts = load_prompts()
    shift = Shift(since=None, until=datetime.now(UTC), currency=settings.llm.currency, marks={})
    done: list[tuple[int, float, AlertRecord, Investigation]] = []

    def visit(record: AlertRecord, investigation: Investigation | None) -> None:
        shift.add(record, investigation)
        if record.state is State.DONE and investigation is not None and record.verdict is not None:
            done.append((_ORDER.index(record.verdict), -(record.confidence or 0), record, investigation))

    each_record(settings, None, visit)
    done.sort(key=lambda item: (*item[:2], item[2].alert.id))
    texts = {"report.html": shift_page(shift, prompts=prompts)}
    for place, disposition in enumerate(_ORDER):
        of_verdict = [(record, investigation) for at, _, record, investigation in done if at == place]
        if not of_verdict:
            continue
        # The one of which most can be told.
        record, investigation = max(
            of_verdict, key=lambda each: len(tell_story(each[0].alert, each[1], zone=UTC).lines)
        )
        comment = build_report(record.alert, investigation, prompts=prompts, settings=settings.writeback)
        texts[f"comment-{disposition.value}.txt"] = comment.text
        if "alert.html" not in texts:
            texts["comment.html"] = comment.html
            texts["alert.html"] = page(record.alert, record, investigation, prompts=prompts)
    for name, text in texts.items():
        (HERE / name).write_text(text + "\n", encoding="utf-8")


def photograph() -> None:
    """Take the pictures."""
    with browser() as tab:
        for source, picture, width, height, scale, dark, start in PICTURES:
            tab.open(HERE / source, width=width, dark=dark)
            tab.picture(HERE / picture, start=start, height=height, scale=scale)


def photograph_web(directory: Path) -> None:
    """Take the pictures of the team's pages, as someone sees them who has signed in."""
    with browser() as tab, pages_served(settings_of(directory), SystemClock()) as url:
        tab.visit(f"{url}/login")
        for text in ("mira", TOKEN):
            tab.press_tab()
            tab.write(text)
        tab.press("Enter", 13, "\r")
        tab.loaded()
        for path, picture, width, height, scale in WEB_PICTURES:
            tab.visit(f"{url}{path}", width=width)
            if "verdict" in path:
                tab.visit(tab.value("document.querySelector('td a').href"), width=width)
                tab.value("document.querySelector('#mark details').open = true")
            tab.picture(HERE / picture, height=height, scale=scale)


def main() -> None:
    """Triage the generated company, without any model, and show what came of it."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="triage-examples-") as kept:
        run_demo(Path(kept), None, as_json=False)
        write(Path(kept))
        if CHROMIUM is None:
            note("Chromium is not installed; the pictures are unchanged")
        else:
            photograph()
            photograph_web(Path(kept))


if __name__ == "__main__":
    main()
