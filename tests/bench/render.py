"""How long a comment and a page take to render, and how large they are: `python -m tests.bench.render`."""

import time

from tests.support.investigations import CASES, record
from tests.support.odd_investigations import crowded, huge, missing
from triage.edges.prompts import load_prompts
from triage.settings import WritebackSettings
from triage.stages.reporting.comment import build_report
from triage.stages.reporting.page import page

ROUNDS = 20


def main() -> None:
    """Print a table: milliseconds of the median round, and characters."""
    prompts = load_prompts()
    settings = WritebackSettings()
    print(f"{'case':<14}{'comment ms':>11}{'html':>8}{'text':>8}{'page ms':>9}{'page':>9}")
    for name, case in {**CASES, "missing": missing, "huge": huge, "crowded": crowded}.items():
        alert, investigation = case()
        comments, pages = [], []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            report = build_report(alert, investigation, prompts=prompts, settings=settings)
            middle = time.perf_counter()
            html = page(alert, record(alert), investigation, prompts=prompts)
            comments.append(middle - start)
            pages.append(time.perf_counter() - middle)
        print(
            f"{name:<14}{_median(comments):>11.1f}{len(report.html):>8,}{len(report.text):>8,}"
            f"{_median(pages):>9.1f}{len(html):>9,}"
        )


def _median(seconds: list[float]) -> float:
    return sorted(seconds)[len(seconds) // 2] * 1000


if __name__ == "__main__":
    main()
