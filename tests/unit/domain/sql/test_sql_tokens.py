"""The tokens of a query: what the parser gets, and what no query may contain."""

import pytest
from sqlglot.tokenizer_core import TokenType

from triage.domain.sql import SqlPolicy, SqlRefused
from triage.domain.sql.tokens import scan


def clean(text: str, *names: str) -> list[str]:
    """What the parser reads, word by word."""
    scanned = scan(text, SqlPolicy(), parameters=frozenset(names) if names else None)
    strings = (TokenType.STRING, TokenType.RAW_STRING)
    return [f"'{token.text}'" if token.token_type in strings else token.text for token in scanned.tokens]


def refused(text: str, policy: SqlPolicy | None = None) -> SqlRefused:
    with pytest.raises(SqlRefused) as caught:
        scan(text, policy or SqlPolicy())
    return caught.value


COMMENTS = {
    "SELECT/* a */1--b": ["SELECT", "1"],
    "SELECT 1 // b\n, 2": ["SELECT", "1", ",", "2"],
    "SELECT 1 -/**/- 1": ["SELECT", "1", "-", "-", "1"],
    "SELECT 1 GROUP/* a */BY 1": ["SELECT", "1", "GROUP BY", "1"],
    "SELECT PARTITION -- a\nBY 1": ["SELECT", "PARTITION BY", "1"],
    "SELECT '--' , '/*' , $$//$$": ["SELECT", "'--'", ",", "'/*'", ",", "'//'"],
    "SELECT $$it's \\n$$": ["SELECT", "'it's \\n'"],
    'SELECT "a -b"': ["SELECT", "a -b"],
    "SELECT 1;;\n ;": ["SELECT", "1"],
}


def test_comments_go_and_strings_stay() -> None:
    """Comments become space, strings are left alone, dollar quotes become quotes."""
    assert {text: clean(text) for text in COMMENTS} == COMMENTS


def test_a_token_keeps_its_line() -> None:
    """Line breaks in comments count, before the first word and between two."""
    scanned = scan("-- a\n/* b\n c */ SELECT /* d\r\n */ 1", SqlPolicy())
    assert [token.line for token in scanned.tokens] == [3, 4]


MACROS = {
    "p_occurs_since('1 d')": "p_occurs_since ( '1 d' )",
    "p_occurs_since(90m)": "p_occurs_since ( '90 m' )",
    "p_occurs_since(3600)": "p_occurs_since ( '3600' )",
    "P_OCCURS_SINCE( 1 hour )": "P_OCCURS_SINCE ( '1 hour' )",
    "p_occurs_since('1 d', , start_time)": "p_occurs_since ( '1 d' , NULL , start_time )",
    "p_occurs_since(1d,,start_time)": "p_occurs_since ( '1 d' , NULL , start_time )",
    "p_occurs_since(1d, t)": "p_occurs_since ( '1 d' , t )",
    "p_occurs_around(f(a, b), 5m)": "p_occurs_around ( f ( a , b ) , '5 m' )",
    "p_occurs_between('a', 'b', , c)": "p_occurs_between ( 'a' , 'b' , NULL , c )",
    "p_occurs_since": "p_occurs_since",
}


def test_macros_are_made_readable() -> None:
    """An unquoted offset becomes a string, and an argument left out becomes NULL."""
    assert {call: " ".join(clean(f"SELECT {call}")[1:]) for call in MACROS} == MACROS


def test_placeholders_become_reserved_names() -> None:
    """`:name` is found after a space, an operator, a parenthesis or a dot, and a path's colon is left alone."""
    scanned = scan("SELECT a:b FROM c.:t WHERE x=:b AND y IN (:b)", SqlPolicy(), parameters=frozenset({"b", "t"}))
    assert " ".join(token.text for token in scanned.tokens) == (
        "SELECT a : b FROM c . __triage_t WHERE x = __triage_b AND y IN ( __triage_b )"
    )
    assert scanned.parameters == {"b", "t"}


UNSEEN = "\u200b\u00ad\u061c\u202a\u2069\u2028\ufe0f\ufeff\u3164\U000e0020\ue000\x85\x07"


def test_invisible_characters_are_refused_everywhere() -> None:
    """Invisible, formatting and control characters are refused in code, strings and comments alike."""
    for form in ("SELECT {}1", "SELECT '{}'", "SELECT 1 -- {}", 'SELECT "{}"'):
        assert {refused(form.format(character)).code for character in UNSEEN} == {"character"}, form


def test_size_is_counted_in_bytes() -> None:
    """The limit applies to the text in UTF-8."""
    policy = SqlPolicy(max_bytes=20)
    scan("SELECT 'éééé'", policy)
    error = refused("SELECT 'éééééé'", policy)
    assert "21 bytes" in str(error)
    assert error.code == "size"


GENEROUS = {
    "SELECT a := 1": "character",
    "SELECT N'a'": "character",
    "SELECT 0x1F": "syntax",
    "SELECT 1_000": "syntax",
    "SELECT 1; SELECT BEGIN EXECUTE anything": "not_select",
    "SELECT 1 /* open": "unterminated",
    "SELECT 1 /* open -- \n ;": "unterminated",
    'SELECT ""': "unterminated",
    "SELECT 1 /* a\u00a0b */ \u00a0 + 1": "character",
}


def test_what_the_tokenizer_reads_generously_is_refused() -> None:
    """Forms that the library takes for a number, a string or space, and Snowflake might read in another way."""
    assert {text: refused(text).code for text in GENEROUS} == GENEROUS


def test_a_comment_gives_the_parser_no_orders() -> None:
    """The library would take a comment that addresses it for notes on the node."""
    scanned = scan("SELECT a /* sqlglot.meta moment=true */ FROM b", SqlPolicy())
    assert not any(token.comments for token in scanned.tokens)
