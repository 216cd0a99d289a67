"""How text, keys and JSON are stored: exactly, and so that both databases accept them."""

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from triage.edges.store.columns import KEY_CHARACTERS, dump, escape, load, short_key, unescape


@given(st.text(st.characters(codec=None, categories=None)))
def test_escaping_is_undone(text: str) -> None:
    """Any text, lone surrogates and NUL included, survives, and what is stored is plain UTF-8 without NUL."""
    stored = escape(text)

    assert unescape(stored) == text
    assert "\x00" not in stored
    assert stored.encode("utf-8").decode("utf-8") == stored


@given(st.text(st.characters(codec=None, categories=None)), st.text(st.characters(codec=None, categories=None)))
def test_different_texts_stay_different(one: str, other: str) -> None:
    """No two texts are stored alike."""
    assert (escape(one) == escape(other)) == (one == other)


def test_long_keys_are_told_apart_by_their_end() -> None:
    """A long key is cut to a fixed length, and two that differ only in what was cut stay two."""
    for character in ("x", "ü", "\\", "\ud800", "\x00"):
        exact, long = character * KEY_CHARACTERS, character * (KEY_CHARACTERS + 1)

        assert short_key(exact) == exact, ascii(character)
        assert len(short_key(long)) == KEY_CHARACTERS, ascii(character)
        assert short_key(long) != short_key(long + "x"), ascii(character)
        assert short_key(short_key(long)) == short_key(long), ascii(character)
        assert len(escape(short_key(exact)).encode()) < 2_700 - 100, ascii(character)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_json_is_stored_exactly(value: JsonValue) -> None:
    """Every JSON value reads back equal from plain ASCII, with its keys in their order."""
    stored = dump(value)

    assert stored.isascii()
    assert load(stored) == value
    assert dump(load(stored)) == stored
