"""The tokens of a query: what the parser is given to read, and what no query may hold."""

import pytest
from sqlglot.tokenizer_core import TokenType

from triage.domain.sql import SqlPolicy, SqlRefused
from triage.domain.sql.tokens import scan


def clean(text: str, *names: str) -> list[str]:
    """What the parser reads, word by word."""
    scanned = scan(text, SqlPolicy(), parameters=frozenset(names) if names else None)
    strings = (TokenType.STRING, TokenType.RAW_STRING)
    return [f"'{token.text}'" if token.token_type in strings else token.text for token in scanned.tokens]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT/* a */1--b", ["SELECT", "1"]),
        ("SELECT 1 // b\n, 2", ["SELECT", "1", ",", "2"]),
        ("SELECT 1 -/**/- 1", ["SELECT", "1", "-", "-", "1"]),
        ("SELECT 1 GROUP/* a */BY 1", ["SELECT", "1", "GROUP BY", "1"]),
        ("SELECT PARTITION -- a\nBY 1", ["SELECT", "PARTITION BY", "1"]),
        ("SELECT '--' , '/*' , $$//$$", ["SELECT", "'--'", ",", "'/*'", ",", "'//'"]),
        ("SELECT $$it's \\n$$", ["SELECT", "'it's \\n'"]),
        ('SELECT "a -b"', ["SELECT", "a -b"]),
        ("SELECT 1;;\n ;", ["SELECT", "1"]),
    ],
)
def test_comments_go_and_strings_stay(text: str, expected: list[str]) -> None:
    """Comments become space, strings are left alone, dollar quotes become quotes."""
    assert clean(text) == expected


def test_a_token_keeps_its_line() -> None:
    """Line breaks in comments count, before the first word and between two."""
    scanned = scan("-- a\n/* b\n c */ SELECT /* d\r\n */ 1", SqlPolicy())
    assert [token.line for token in scanned.tokens] == [3, 4]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("p_occurs_since('1 d')", "p_occurs_since ( '1 d' )"),
        ("p_occurs_since(90m)", "p_occurs_since ( '90 m' )"),
        ("p_occurs_since(3600)", "p_occurs_since ( '3600' )"),
        ("P_OCCURS_SINCE( 1 hour )", "P_OCCURS_SINCE ( '1 hour' )"),
        ("p_occurs_since('1 d', , start_time)", "p_occurs_since ( '1 d' , NULL , start_time )"),
        ("p_occurs_since(1d,,start_time)", "p_occurs_since ( '1 d' , NULL , start_time )"),
        ("p_occurs_since(1d, t)", "p_occurs_since ( '1 d' , t )"),
        ("p_occurs_around(f(a, b), 5m)", "p_occurs_around ( f ( a , b ) , '5 m' )"),
        ("p_occurs_between('a', 'b', , c)", "p_occurs_between ( 'a' , 'b' , NULL , c )"),
        ("p_occurs_since", "p_occurs_since"),
    ],
)
def test_macros_are_made_readable(call: str, expected: str) -> None:
    """An unquoted offset becomes a string, and an argument left out becomes NULL."""
    assert " ".join(clean(f"SELECT {call}")) == f"SELECT {expected}"


def test_placeholders_become_reserved_names() -> None:
    """`:name` is found after a space, an operator, a parenthesis or a dot, and a path's colon is left alone."""
    scanned = scan("SELECT a:b FROM c.:t WHERE x=:b AND y IN (:b)", SqlPolicy(), parameters=frozenset({"b", "t"}))
    assert " ".join(token.text for token in scanned.tokens) == (
        "SELECT a : b FROM c . __triage_t WHERE x = __triage_b AND y IN ( __triage_b )"
    )
    assert scanned.parameters == {"b", "t"}


@pytest.mark.parametrize(
    "character",
    [
        "\u200b",
        "\u00ad",
        "\u061c",
        "\u202a",
        "\u2069",
        "\u2028",
        "\ufe0f",
        "\ufeff",
        "\u3164",
        "\U000e0020",
        "\ue000",
        "\x85",
        "\x07",
    ],
)
def test_what_a_reviewer_can_not_see_is_refused_everywhere(character: str) -> None:
    """Invisible, formatting and control characters are refused in code, strings and comments alike."""
    for text in (f"SELECT {character}1", f"SELECT '{character}'", f"SELECT 1 -- {character}", f'SELECT "{character}"'):
        with pytest.raises(SqlRefused) as caught:
            clean(text)
        assert caught.value.code == "character"


def test_size_is_counted_in_bytes() -> None:
    """The limit holds for the UTF-8 form of the text."""
    policy = SqlPolicy(max_bytes=20)
    scan("SELECT 'éééé'", policy)
    with pytest.raises(SqlRefused, match="21 bytes") as caught:
        scan("SELECT 'éééééé'", policy)
    assert caught.value.code == "size"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT a := 1", "character"),
        ("SELECT N'a'", "character"),
        ("SELECT 0x1F", "syntax"),
        ("SELECT 1_000", "syntax"),
        ("SELECT 1; SELECT BEGIN EXECUTE anything", "not_select"),
        ("SELECT 1 /* open", "unterminated"),
        ("SELECT 1 /* open -- \n ;", "unterminated"),
        ('SELECT ""', "unterminated"),
        ("SELECT 1 /* a\u00a0b */ \u00a0 + 1", "character"),
    ],
)
def test_what_the_tokenizer_reads_generously_is_refused(text: str, code: str) -> None:
    """Forms that the library takes for a number, a string or space, and Snowflake might read in another way."""
    with pytest.raises(SqlRefused) as caught:
        clean(text)
    assert caught.value.code == code


def test_a_comment_gives_the_parser_no_orders() -> None:
    """The library would take a comment that addresses it for notes on the node."""
    scanned = scan("SELECT a /* sqlglot.meta moment=true */ FROM b", SqlPolicy())
    assert not any(token.comments for token in scanned.tokens)
