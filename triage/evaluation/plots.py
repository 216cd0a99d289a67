"""Plots as SVG text, drawn by matplotlib (extra `eval`). The same figures give the same bytes."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from triage.domain.clean import printable
from triage.domain.metrics import Rate, ReliabilityBin

INK = "#444444"
MARK = "#1f6f8b"

_NAME = 60
"""Characters of a name that are drawn."""


@contextmanager
def _figure(width: float, height: float) -> Iterator[Figure]:
    """A figure to draw on and to save, both inside of the context."""
    rules = mpl.rc_context(
        {
            # Ids from a fixed salt, text as text: the same plot is the same bytes and can be read aloud.
            "svg.hashsalt": "triage",
            "svg.fonttype": "none",
            # Names come from logs and rules: a `$` in them starts no formula.
            "text.parse_math": False,
            "text.usetex": False,
        }
    )
    with rules, warnings.catch_warnings():
        # Text stays text: a letter that the measuring font lacks is drawn by the reader's browser.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        yield Figure(figsize=(width, height), layout="constrained")


def _svg(figure: Figure, title: str) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Title": title}, transparent=True)
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def intervals(title: str, rates: Sequence[tuple[str, Rate]]) -> str:
    """Proportions with their intervals, one line each, top down."""
    drawn = [(name, rate) for name, rate in rates if rate.value is not None]
    with _figure(6.4, 0.7 + 0.34 * max(1, len(drawn))) as figure:
        axes = figure.add_subplot()
        for place, (_, rate) in enumerate(drawn):
            value, low, high = rate.value or 0.0, rate.low or 0.0, rate.high or 0.0
            axes.plot([low, high], [place, place], color=MARK, linewidth=2)
            axes.plot([value], [place], "o", color=MARK)
        axes.set_yticks(
            range(len(drawn)), [f"{printable(name, _NAME)} ({rate.hits}/{rate.of})" for name, rate in drawn]
        )
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(len(drawn) - 0.5, -0.5)
        _plain(axes)
        return _svg(figure, title)


def reliability_curve(title: str, table: Sequence[ReliabilityBin]) -> str:
    """How often stated confidences came true; the diagonal is a confidence that means what it says."""
    with _figure(4.2, 3.8) as figure:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle="--")
        largest = max((line.count for line in table), default=1)
        axes.plot([line.stated for line in table], [line.came_true for line in table], color=MARK, linewidth=1)
        axes.scatter(
            [line.stated for line in table],
            [line.came_true for line in table],
            s=[20 + 160 * line.count / largest for line in table],
            color=MARK,
        )
        for line in table:
            axes.annotate(str(line.count), (line.stated, line.came_true), textcoords="offset points", xytext=(7, -11))
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("confidence stated")
        axes.set_ylabel("share that was right")
        _plain(axes)
        return _svg(figure, title)


def _plain(axes: object) -> None:
    assert isinstance(axes, Axes)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
