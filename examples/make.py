"""Makes the examples anew: `python examples/make.py`, from the project's root; takes about half a minute.

The generated company is triaged by the offline analyst (`triage demo`); the first of its alerts is shown as comment and
as page, and the whole as a shift. The pictures need Chromium (Debian: `apt-get install chromium`) and are left as they
are without it.
"""

import asyncio
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "TRIAGE_MODEL"):
    os.environ.pop(name, None)

from tests.support.browser import CHROMIUM, browser  # noqa: E402 - the path comes first
from triage.cli.demo import run_demo  # noqa: E402
from triage.cli.history import opened, walk  # noqa: E402
from triage.domain.verdict import Disposition  # noqa: E402
from triage.edges.prompts import load_prompts  # noqa: E402
from triage.ports import State  # noqa: E402
from triage.settings import parse_settings  # noqa: E402
from triage.stages.reporting import build_report, page  # noqa: E402
from triage.stages.reporting.shift import ShiftReport  # noqa: E402
from triage.stages.reporting.shift_forms import shift_page  # noqa: E402

PICTURES = (
    ("alert.html", "alert-desktop.png", 1280, 1250, False, ""),
    ("alert.html", "alert-desktop-dark.png", 1280, 1150, True, "#timeline"),
    ("alert.html", "alert-phone.png", 390, 1250, False, ""),
    ("report.html", "report-desktop.png", 1280, 950, False, ""),
)
"""Page, picture, width and height in CSS pixels, dark, and the element at the top."""
_ORDER = (Disposition.MALICIOUS, Disposition.SUSPICIOUS, Disposition.INCONCLUSIVE, Disposition.BENIGN)


async def write(directory: Path) -> None:
    """Write comment and pages from the state database of a finished demo."""
    settings = parse_settings(
        f"panther:\n  url: http://127.0.0.1:9\n  token: none\nstore:\n  url: sqlite:///{directory}/triage.db\n",
        name="examples",
        environment={},
    )
    prompts = load_prompts()
    report = ShiftReport(since=None, until=datetime.now(UTC), currency=settings.llm.currency, marks={})
    done = []
    async with opened(settings) as store:
        async for record, investigation in walk(store, since=None):
            report.add(record, investigation)
            if record.state is State.DONE and investigation is not None and record.verdict is not None:
                done.append((_ORDER.index(record.verdict), -(record.confidence or 0), record, investigation))
    *_, record, investigation = min(done, key=lambda item: item[:2])
    comment = build_report(record.alert, investigation, prompts=prompts, settings=settings.writeback)
    for name, text in (
        ("comment.txt", comment.text),
        ("comment.html", comment.html),
        ("alert.html", page(record.alert, record, investigation, prompts=prompts)),
        ("report.html", shift_page(report.close(), prompts=prompts)),
    ):
        (HERE / name).write_text(text + "\n", encoding="utf-8")


def photograph() -> None:
    """Take the pictures."""
    with browser() as tab:
        for source, picture, width, height, dark, start in PICTURES:
            tab.open(HERE / source, width=width, dark=dark)
            tab.picture(HERE / picture, start=start, height=height, scale=0.75 if width > 1000 else 1.0)  # noqa: PLR2004 - a desktop


with tempfile.TemporaryDirectory(prefix="triage-examples-") as kept:
    run_demo(Path(kept), as_json=False)
    asyncio.run(write(Path(kept)))
if CHROMIUM is None:
    print("no Chromium here; the pictures are left as they are", file=sys.stderr)  # noqa: T201 - a script
else:
    photograph()
