"""Which sentences deny something: that it happened before, that it was seen, that anybody did it.

Such a sentence is a claim about every row that is not there. Rows that are there can't carry it.
"""

import regex

_WHAT = (
    r"(?:other|earlier|previous|prior|preceding|further|subsequent|later|matching|related|similar|additional|recorded|"
    r"sign|signs|trace|evidence|record|records|history|activity|activities|event|events|sign-?ins?|log-?ins?|logons?|"
    r"alert|alerts|row|rows|call|calls|action|actions|use|usage|occurrences?|instances?|one|user|users|actor|actors|"
    r"session|sessions|address|addresses|failures?|attempts?|follow-?up|harm|harmful)"
)
_SEEN = (
    r"(?:seen|observed|recorded|logged|used|found|present|active|known|done|occurr?(?:ed)?|appear(?:ed)?|happened?|"
    r"exist(?:ed)?|signed|logged|sign|log|use|done|do|act(?:ed)?|perform(?:ed)?|follow(?:ed)?|show(?:n)?|been)"
)
_DENIES = regex.compile(
    r"(?i)\bnever\b"
    rf"|\b(?:was|were|is|are|has|have|had|did|does|do)(?: not|n['’]t)(?: \w+){{0,2}}? {_SEEN}\b"
    rf"|\bnot (?:been |previously |before |otherwise )?{_SEEN}\b"
    rf"|\bno (?:such |(?-i:\S*[A-Z._:/\d]\S*) )?{_WHAT}\b"
    r"|\bhad no (?:\S+ ){1,3}(?:call|event)s?\b"
    r"|\b(?:nobody|nothing|nowhere|no one)\b|\bnone (?:of|was|were|is|are)\b|\bneither\b.{1,200}\bnor\b"
    rf"|\bwithout (?:any|a single|{_WHAT})\b"
    r"|\b(?:absent|absence) (?:from|of)\b"
)
_AT_MOST = regex.compile(
    r"(?i)\b(?:never|not|no|\w+n['’]t)(?: \w+){0,3}? (?:more|fewer|less) than"
    r" (?=(?:about |some |a )?(?:[1-9]|one|two|three|four|five|six|seven|eight|nine|ten|twelve|once|twice|few|dozen)\b|[1-9])"
)
"""A bound on an amount, such as `never more than 4 times`: the amount itself carries it."""


def denies(sentence: str) -> bool:
    """Whether a sentence says that something did not happen, or was not seen; a bound on how often it did is none."""
    return _DENIES.search(_AT_MOST.sub("", sentence[:4_000])) is not None
