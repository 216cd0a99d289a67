"""Does a log field speak to whoever reads it? Patterns for instructions to an analyst, a program or a language model.

Conservative: a field that merely contains such words is no finding. What counts is an order to drop instructions, a
word on the verdict of the triage itself, a forged turn of a conversation, or an address to the analyst.
"""

import base64
import binascii
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote_plus

import regex

_SHORTEST = 12
_LONGEST = 8_000
"""Characters of one text that are read, from its start and from its end."""

_INVISIBLE = regex.compile(r"[\p{Cf}\p{Cc}\u034F\u115F\u1160\u3164\uFFA0\uFE00-\uFE0F\U000E0100-\U000E01EF]")
_SPACED = regex.compile(r"(?<![^\W_])(?:[^\W_] ){4,}[^\W_](?![^\W_])")
_JOINED = regex.compile(r"[-_+./=]+")
_CAMEL = regex.compile(r"(?<=[a-z])(?=[A-Z])")
_BASE64 = regex.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_REVERSING = ("\u202e", "\u2067")
_TAGS = regex.compile(r"[\U000E0020-\U000E007E]+")
_UNTAG = {code: chr(code - 0xE0000) for code in range(0xE0020, 0xE007F)}
_LEET = str.maketrans("013457@$", "oieastas")
_LEETS = 4
_LEET_DIGITS = frozenset("013457")
_LEET_WORD = regex.compile(r"(?<!\w)(?=\w{0,12}[013457])(?=\w{0,12}[a-z])\w{2,14}(?!\w)")
_LOOKALIKES = str.maketrans("авеікмнорстухіѕԁɡο", "abeikmhopctyxisdgo")

_OBJECT = (
    r"(?:instruct\w*|directi(?:on|ve)s?|prompts?|rules?|guidelines?|polic(?:y|ies)|guardrails"
    r"|(?:the )?(?:above|below)|everyth?ing (?:above|you)|(?:all |the )?(?:rest|remainder) of|(?:this|the) (?:data|alert|event|log|finding)"
    r"|(?:other|previous|prior|negative) (?:content|context|text|messages?|indicators?)|risk scor\w+)"
)
_GOOD = (
    r"(?:benign|harmless|non ?malicious|not (?:a )?malicious|(?:a )?(?:known |confirmed )?false ?positive|fp\b|no (?:threat|risk|incident|action)\w*"
    r"|safe\b|clean\b|informational|routine|known good|resolved|closed|low\b|info\b)"
)
_CASE = r"(?:alert|event|incident|finding|activity|case|detection|log (?:line|entry)|entry|domain|domains|host|ip|request|this|it|as)"

_OVERRIDE = regex.compile(
    rf"\b(?:ignore|disregard|forget|bypass|override|nevermind|supersede|skip)\b(?:\W+\w+){{0,4}}?\W+{_OBJECT}\b"
    r"|\bignore (?:the |this |all )?(?:instructions|alert|event|resume|web ?page)\b"
    r"|\b(?:instructions?|prompts?|rules) (?:\w+ ){0,3}(?:superseded|overridden|void|cancelled)\b"
)
_CONDITIONAL = regex.compile(r"\W+(?:when|if|while|unless|on|during|in tests?)\b")
"""What follows an order that is only described, as in the subject of a commit."""

_VERDICT = regex.compile(
    rf"\b(?:mark|classify|class|treat|label|report|conclude|rate|score|close|consider|flag|rule|deem|output|print|answer|reply|respond|say|state|repeat)(?:ed|d)?\b"
    rf"(?:\W+\w+){{0,6}}?\W+(?:benign|harmless|non ?malicious|not malicious|false ?positives?|as (?:safe|informational|routine|fp|low)|routine administration)\b"
    rf"|\bmark(?:ed)? (?:\w+ ){{0,3}}as {_GOOD}"
    rf"|\b(?:verdict|disposition|classification|triage (?:result|verdict)|final answer)\b(?:\W+(?:is|was|of|label|as|now|field|on record|to)\b){{0,3}}\W{{0,6}}(?:benign|false ?positive|harmless|safe|clean|no threat)"
    rf"|\btriage result (?:\w+ ){{0,3}}\W?(?:benign|fp|false)"
    rf"|\b(?:this|the|these|{_CASE})\W+(?:\w+\W+){{0,5}}?(?:is|are|was|were) (?:\w+ ){{0,3}}?(?:benign|not malicious|a (?:confirmed |known )?false positive|false positives?|a drill|pre ?(?:cleared|approved|verified)|safe here)\b"
    r"|\b(?:confirmed|known|closed as(?: an?)?|cleared as) (?:false ?positive|fp|benign)\b"
    r"|\b(?:alert|alerts|case|incident)\W+(?:\w+\W+){0,4}?(?:closed|resolved|all benign|benign|cleared)\b\W+(?:\w+\W+){0,3}?(?:fp|benign|false|by|no action|please|as)\b"
    r"|\ball (?:\d+ )?alerts (?:are )?benign\b|\bthis is not malicious\b|\bnot malicious please\b"
    r"|\bset (?:the )?severity to (?:low|info\w*|none)\b|\bmark severity\b|\bprint severity info\b"
    r"|\bseverity\W{1,4}(?:low|info\w*)\W{1,6}(?:malicious|confidence|entities)\b|\bmalicious\W{1,4}false\b"
    r"|\brisk score is \d+ technique\b"
    r"|\bresponse cleared\b|\breviewed (?:and|&) (?:cleared|authori[sz]ed|approved) by\b|\bno threats? found\b|\bno incidents? detected\b"
)
_OMIT = regex.compile(
    r"\b(?:do not|don't|dont|never|must not|without) (?:be )?(?:escalat\w*|flag\w*|rais\w+ (?:an? )?alert|alert\b|investigat\w*|report (?:this|it)|include (?:this|it|in)"
    r"|mention (?:this|it|the)|discuss|quote this|query further|list this (?:file|event)|trigger (?:an? )?alert)"
    r"|\bdonotescalate\b|\bignore in (?:\w+ ){0,2}report\w*\b"
    r"|\bsuppress (?:this|the|any|all|these) (?:alert|event|finding)s?\b|\bno (?:further )?(?:queries|investigation|action) (?:are |is )?(?:needed|required|necessary)\b"
    r"|\bleave (?:the )?(?:\w+\W+){1,8}?out of (?:your|the) (?:summary|report|comment)\b|\bwhitelist (?:it|this)\b|\bbulk ?close\b"
    r"|\b(?:analyst|soc|edr|siem)\w* override\b|\bwhen summari[sz]ing\b|\bnarrator output\b"
)
_ADDRESS = regex.compile(
    r"\b(?:system|admin(?:istrator)?|developer|operator|reviewer|evaluator|soc) (?:note|message|override|prompt|request|instruction|summary|directive)s?\s?(?::|to\b|for\b)"
    r"|\b(?:note|message|instructions?|attention|memo) (?:to|for) (?:the |any |all |your )?(?:\w+ )?(?:ai|llm|gpt|assistant|agent|analyst|model|bot|analysis|triage|classifier|chatbot)\b"
    r"|\b(?:ai|llm|gpt|language) ?(?:language )?(?:model|assistant|agent|triage)\W+(?:\w+\W+){0,4}?(?:must|should|please|do not|finished|ignore|output|answer)\b"
    r"|\b(?:to|dear|hey|hello) (?:you,? )?(?:the )?(?:gpt|chatgpt|claude|gemini|llama|copilot|ai)\b"
    r"|\bas an ai\b|\byou are (?:now|in) (?:\w+ ){0,3}(?:ai|assistant|mode|language model|agent|gpt|dan)\b|\bmaintenance mode\b.{0,80}\byou\b|\byou\b.{0,40}\bmaintenance mode\b"
    r"|\bin your (?:\w+ ){0,3}(?:report|verdict|summary|recommendation|response|answer|comment|conclusion|output)\b"
    r"|\b(?:to|into|in|of|from|start|end) your (?:\w+ ){0,3}(?:summary|verdict|recommendation|comment|response|answer|risk verdict)\b"
    r"|\b(?:your|the|initial) (?:system (?:prompt|message|instructions)|secret key|hidden instructions|previous instructions|initial instructions)\b"
    r"|\b(?:print|repeat|reveal|show|display|output|leak|translate)\W+(?:\w+\W+){0,3}?(?:your|the) (?:\w+ ){0,2}(?:instructions|system (?:prompt|message)|prompt|above text|response)\b"
    r"|\brepeat the above\b|\bthe system prompt is\b|\bbefore you can solve the task\b|\bimportant message from me\b|\bcritical to my career\b"
    r"|\bstrictly adhere to the following\b|\bremember for all later\b|\byour only job\b|\backnowledge processing\b|\banalysis software\b|\bassistant directive\b|\bencoded directive\b|\bpre cleared\b"
    r"|\banswer task complete\b|\byou must (?:listen|obey|follow|comply)\b|\bpretend to be\b|\bdecode it and comply\b|\bsafety tripwire\b|\bforget about all those rules\b"
)
_TURN = regex.compile(
    r"<\|(?:endoftext|im_start|im_end|system|user|assistant|eot_id|start_header_id)\|>|\[/?inst\]|<</?sys>>|</?(?:untrusted|system|tool_result|instructions?|information|untrusted_data|log_entry)\b[^>]{0,80}>"
    r"|&lt;/?(?:system|instructions?|untrusted)&gt;|\(system_message\)|\[admin request|###\s*(?:system|instruction|new task)"
    r"|(?:\A|[\n\r]|\\n)\s*(?:assistant|human|user|system)\s*:\s.{0,200}(?:[\n\r]|\\n)\s*(?:assistant|human|user|system)\s*:"
    r"|\bsystem\s*:\s+(?:\w+\W+){0,8}?(?:instructions|analyst|benign|verdict|alert|reviewed|authori[sz]ed|malicious|important)\b|\"role\"\s*:\s*\"(?:system|assistant)\""
    r"|\bcore instruction\b|\bend of (?:log|untrusted|data)(?: entry| data| block)?\b.{0,80}\b(?:system|verdict|analyst)\b|\"verdict\"\s*:|\btriage-verdict\s*:",
    regex.DOTALL,
)
_FOREIGN = regex.compile(
    r"忽略.{0,12}(?:指令|指示|提示|规则)|(?:判定|标记|视)为.{0,4}(?:良性|误报)|(?:警报|告警).{0,4}是误报|無視.{0,12}指示|(?:指示|命令).{0,8}無視|이전.{0,8}지시.{0,6}무시"
    r"|игнор\w+ .{0,20}(?:инструкци|указани)\w*|вердикт\W{1,4}безвредн\w*"
    r"|تجاهل.{0,12}(?:التعليمات|الأوامر)"
    r"|\bignor[ae]\w* (?:todas )?(?:las|le|as|les|tutte le|toutes les) (?:\w+ )?(?:instruc\w+|istruzioni|instruções|consignes)|\bignora la p[aá]gina\b"
    r"|\bignoriere?\w* (?:\w+ ){0,3}anweisungen|\bveredicto\W{1,4}benigno|\burteil\W{1,4}(?:gutartig|harmlos)|\balerta autorizada\b"
)
_WORTH = regex.compile(
    # One of these stands in everything that the patterns above find; most log values hold none.
    r"ignor|disregard|forget|bypass|overrid|nevermind|supersede|skip|instruc|prompt|rules|mark|class|treat|label|report"
    r"|conclude|score|close|clos|consider|flag|deem|output|print|answer|repl|respon|verdict|disposition|triage|benign"
    r"|harmless|malicious|false|drill|cleared|approved|verified|alert|incident|case|severity|risk|review|threat"
    r"|not |n't|dont|never|donot|suppress|no_|no-|no |leave|whitelist|bulk|analyst|soc|edr|siem|summar|narrator"
    r"|system|admin|developer|operator|evaluat|note|message|attention|memo|ai\b|llm|gpt|assistant|agent|claude|gemini"
    r"|llama|copilot|mode|your|secret|hidden|print|repeat|reveal|show|display|leak|translat|solve|important|critical"
    r"|strictly|remember|acknowledg|analysis|directive|pretend|decode|tripwire|rules|<|\[|###|\"role|end of|[^\x00-\x7f]"
    r"|veredicto|urteil|alerta"
)
_PATTERNS = (_VERDICT, _OMIT, _ADDRESS)


@lru_cache(maxsize=8_192)
def looks_like_instruction(text: str) -> bool:
    """Whether a text from a log tries to instruct its reader or to state the verdict of the triage.

    Read are the text itself and what it hides: full-width and look-alike letters, tag characters, letters set apart
    by spaces, words joined by hyphens or percent signs, reversed text, and base64.
    """
    if len(text) < _SHORTEST:
        return False
    return any(_speaks(reading) for reading in _readings(text))


def _readings(text: str) -> Iterator[str]:
    if len(text) > 2 * _LONGEST:
        text = f"{text[:_LONGEST]} {text[-_LONGEST:]}"
    yield from _plain(text)
    if sum(letter in _LEET_DIGITS for letter in text) >= _LEETS and len(_LEET_WORD.findall(text)) >= _LEETS:
        yield text.lower().translate(_LEET)
    if any(mark in text for mark in _REVERSING):
        yield from _plain(text[::-1])
    for match in _BASE64.finditer(text):
        hidden = _decoded(match.group())
        if hidden:
            yield from _plain(hidden)


def _plain(text: str) -> Iterator[str]:
    if text.isascii():
        folded = text
    else:
        shown = _TAGS.sub(lambda run: f" {run.group().translate(_UNTAG)} ", text)
        folded = unicodedata.normalize("NFKC", shown)
    if "%" in folded or "+" in folded:
        folded = unquote_plus(folded)
    bare = _INVISIBLE.sub(lambda match: match.group() if match.group() in "\n\r\t" else "", folded)
    yield bare
    if len(bare) < len(folded):
        # An invisible character may stand inside a word, or between two.
        yield _INVISIBLE.sub(" ", folded)
    if not bare.isascii():
        yield bare.lower().translate(_LOOKALIKES)
    if _SPACED.search(bare):
        yield _SPACED.sub(lambda match: match.group().replace(" ", ""), bare.replace("   ", "\x00")).replace(
            "\x00", " "
        )


def _speaks(text: str) -> bool:
    low = text.lower()
    if not _WORTH.search(low):
        return False
    if _TURN.search(low) or _FOREIGN.search(low):
        return True
    words = _JOINED.sub(" ", low)
    if any(pattern.search(words) for pattern in _PATTERNS):
        return True
    if any(not _CONDITIONAL.match(words, match.end()) for match in _OVERRIDE.finditer(words)):
        return True
    split = _JOINED.sub(" ", _CAMEL.sub(" ", text)).lower()
    return split != words and any(pattern.search(split) for pattern in (_VERDICT, _OMIT))


def _decoded(text: str) -> str:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        found = raw.decode("utf-8")
    except (binascii.Error, ValueError):
        return ""
    return found if found.isprintable() else ""
