"""What counts as an answer to a comment."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.reply import HINT, REASON, Command, read_command


@pytest.mark.parametrize(
    ("body", "command", "reason"),
    [
        ("triage: benign because it was a drill", Command.BENIGN, "it was a drill"),
        ("triage: benign", Command.BENIGN, ""),
        ("Triage: Malicious.", Command.MALICIOUS, ""),
        ("triage: malicious because ada says it was not her.", Command.MALICIOUS, "ada says it was not her."),
        ("\n\n  triage : again \nThe log has arrived.", Command.AGAIN, ""),
        ("triage:again!", Command.AGAIN, ""),
        ("> Question: did you do this?\n\ntriage: benign because I did", Command.BENIGN, "I did"),
    ],
)
def test_the_form_of_an_answer(body: str, command: Command, reason: str) -> None:
    """The first line that is no quotation is the command, perhaps with a reason; more lines may follow."""
    assert read_command(body, is_html=False) == (command, reason)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "It was benign.",
        "I think triage: benign because of the drill",
        "triage: benign?",
        "triage: benign or malicious",
        "triage: benign unless ada says no",
        "triage: not benign",
        "triage: closed",
        "triage: benignly",
        "triage benign because of the drill",
        "Thanks!\ntriage: benign because of the drill",
        "triage: benign because a\ntriage: malicious because b",
        "> triage: benign because of the drill",
        "| triage: malicious",
        "triage: benign because …",
        "triage: benign because ...",
        HINT,
        f"Question: was it you? Answer in a comment of your own: {HINT}.",
        "triage: benign because it was a drill\n\ntriage-marker: v1 a run 0123456789ab",
    ],
)
def test_everything_else_is_none(body: str) -> None:
    """Doubt, talk about an answer, two answers, a quotation of ours, or its hint as it stands there."""
    assert read_command(body, is_html=False) is None
    assert read_command(f"<p>{html.escape(body)}</p>".replace("\n", "</p><p>"), is_html=True) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<p>triage: benign because a &amp; b</p>", (Command.BENIGN, "a & b")),
        ("<div><strong>triage:</strong> malicious</div>", (Command.MALICIOUS, "")),
        ("<blockquote><p>triage: malicious</p></blockquote><p>triage: again</p>", (Command.AGAIN, "")),
        ("triage: again<br/>thanks", (Command.AGAIN, "")),
        ("<blockquote>triage: malicious</blockquote>", None),
        ("<blockquote>triage: malicious", None),
        ("<blockquote><blockquote>x</blockquote>triage: malicious</blockquote>", None),
        ("<BLOCKQUOTE class='x'>x</BLOCKQUOTE ><p>well</p>", None),
        ("<p>triage-marker: v1 a r 0123456789ab</p><p>triage: malicious</p>", None),
        ("<p>triage&#45;marker: v1 a r 0123456789ab</p><p>triage: malicious</p>", None),
        ("<p>&gt; triage: malicious</p>", None),
    ],
)
def test_html_is_read_as_the_text_it_shows(body: str, expected: tuple[Command, str] | None) -> None:
    """A quotation is none of the author's words, however it is nested or left open."""
    assert read_command(body, is_html=True) == expected


def test_a_reason_is_short_and_holds_no_secret() -> None:
    """It goes into a mark and a comment."""
    found = read_command(f"triage: benign because {'x' * 1000}", is_html=False)
    assert found is not None
    assert len(found[1]) <= REASON
    key = "AKIA" + "IOSFODNN7EXAMPLQ"
    found = read_command(
        f"triage: malicious because aws_secret_access_key={'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'} {key}",
        is_html=False,
    )
    assert found is not None
    assert "wJalrXUtnFEMI" not in found[1]


@given(st.text(max_size=300), st.booleans())
def test_whatever_is_written_there_is_an_answer_or_none(text: str, is_html: bool) -> None:
    """No comment breaks the reading."""
    found = read_command(text, is_html=is_html)
    assert found is None or isinstance(found[0], Command)


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=80),
    st.sampled_from(list(Command)),
)
def test_a_quotation_is_never_an_answer(text: str, command: Command) -> None:
    """Whatever stands in it."""
    assert read_command(f"> triage: {command} because {text}", is_html=False) is None
    inside = html.escape(text)
    assert (
        read_command(f"<blockquote>{inside}<p>triage: {command} because {inside}</p></blockquote>", is_html=True)
        is None
    )
