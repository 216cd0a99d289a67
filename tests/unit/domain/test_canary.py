"""The canary is known in every form in which a model might carry it out."""

import base64
import codecs
import json
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from triage.domain.canary import canary_of, carries

WORD = canary_of("5f1e" * 16)
FORMS = [
    WORD,
    WORD.upper(),
    " ".join(WORD),
    "-".join(WORD),
    "\u200b".join(WORD),
    "".join(chr(ord(letter) + 0xFEE0) for letter in WORD),
    WORD[::-1],
    codecs.encode(WORD, "rot13"),
    WORD[:11],
    WORD[-11:],
    base64.b64encode(WORD.encode()).decode(),
    base64.b64encode(f"a{WORD}".encode()).decode(),
    base64.urlsafe_b64encode(f"ab {WORD}?".encode()).decode(),
    base64.b64encode(base64.b64encode(WORD.encode())).decode(),
    base64.b64encode(WORD[::-1].encode()).decode(),
    base64.b64encode(WORD.encode()).decode()[::-1],
    base64.b32encode(f"x{WORD}".encode()).decode(),
    WORD.encode().hex(),
    WORD.encode().hex(" "),
    quote("".join(f"%{ord(letter):02x}" for letter in WORD)),
    "".join(f"&#{ord(letter)};" for letter in WORD),
    "".join(f"\\u{ord(letter):04x}" for letter in WORD),
    json.dumps({"a": [*WORD]}),
]


def test_a_form_of_the_canary_is_known() -> None:
    """In any case, apart, reversed, escaped, encoded, or half of it; among other words as well."""
    for form in FORMS:
        assert carries(WORD, [form]), form
        assert carries(WORD, ["a summary", f"before {form} after", "and more"]), form


def test_a_canary_cut_over_two_texts_is_known() -> None:
    """Half in the summary, half in a finding."""
    for place in range(1, 20):
        assert carries(WORD, ["x", WORD[:place], WORD[place:]]), place


@given(st.lists(st.text(max_size=80) | st.from_regex(r"[0-9a-f]{40,64}", fullmatch=True), max_size=6))
def test_other_text_carries_no_canary(texts: list[str]) -> None:
    """Hashes, prose and anything else pass, and nothing raises."""
    assert not carries(WORD, texts)


def test_the_canary_depends_on_the_templates_alone() -> None:
    """So that a prompt begins alike for every alert."""
    assert canary_of("a") == canary_of("a") != canary_of("b")
    assert not carries("", ["anything"])
