"""Does a log field address its reader? Patterns for instructions to an analyst, a program or a language model.

Conservative: a field that merely contains such words is not a finding. What counts is an order to drop instructions, a
statement of the triage's own verdict, a forged turn of a conversation, or an appeal to the analyst.
"""

import codecs
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote_plus

import regex

from triage.domain.encodings import decode_base64, text_of
from triage.domain.later import later

_SHORTEST = 12
_LONGEST = 8_000
"""Characters of one text that are read at its start, and at its end."""

_INVISIBLE = later(r"[\p{Cf}\p{Cc}\u034F\u115F\u1160\u3164\uFFA0\uFE00-\uFE0F\U000E0100-\U000E01EF]")
_SPACED = later(r"(?<![^\W_])(?:[^\W_] ){4,}[^\W_](?![^\W_])")
_LETTERS = later(r"(?<![^\W_])(?:[^\W_] ){2,}[^\W_](?![^\W_])")
_GAP = later(r" {2,}")
_JOINED = later(r"[-_+./=]+")
_CAMEL = later(r"(?<=[a-z])(?=[A-Z])")
_BASE64 = later(r"[A-Za-z0-9+/_-]{24,}")
_HEX = later(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}){16,}(?![0-9A-Za-z])")
_ROTATED = later(r"vafgehpg|vtaber|qvfertneq|oravta|snyfr cbfvgvir")
"""`instruct`, `ignore`, `disregard`, `benign` and `false positive`, rotated by 13 letters."""
_REVERSING = ("\u202e", "\u2067")
_TAGS = later(r"[\U000E0020-\U000E007E]+")
_UNTAG = {code: chr(code - 0xE0000) for code in range(0xE0020, 0xE007F)}
_LEET = str.maketrans("013457@$", "oieastas")
_LEETS = 4
_LEET_DIGITS = frozenset("013457")
_LEET_WORD = later(r"(?<!\w)(?=\w{0,12}[013457])(?=\w{0,12}[a-z])\w{2,14}(?!\w)")
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

_WHOSE = (
    r"(?:all|any|every\w*|each|previous|prior|earlier|above|preceding|former|your|my|these|those|the|this|that|its|other|initial"
    r"|whatever|security|system|safety|triage|soc|alert)"
)
_OVERRIDE = later(
    rf"\b(?:ignore|disregard|forget|bypass|override|nevermind|supersede)\b(?:\W+\w+){{0,2}}?\W+{_WHOSE}\b(?:\W+\w+){{0,3}}?\W+{_OBJECT}\b"
    rf"|\b(?:ignore|disregard|forget|override)\W+(?:security|polic(?:y|ies)|everyth?ing|instructions|guidelines|directives)\b"
    r"|\b(?:ignore|skip|omit|overlook) (?:the |this |that |all |these )(?:instructions?|alerts?|events?|records?|findings?|sessions?|resume|web ?page|entry|entries)\b"
    r"|\b(?:ignore|disregard|forget)\b(?:\W+\w+){0,4}?\W+(?:told you|you were told|you know|you have been told|your operator|your training)\b"
    r"|\b(?:instructions?|prompts?|rules|orders)\W+(?:\w+\W+){0,3}?(?:superseded|overridden|void|cancelled|revoked|null and void)\b"
)
_CONDITIONAL = later(r"\W+(?:when|if|while|unless|on|during|in tests?)\b")
"""What follows an order that is only described, as in the subject of a commit."""

_GOOD_WORD = (
    r"(?:benign|harmless|non ?malicious|not (?:a )?malicious|false ?positives?|no threat|routine administration)"
)
_VERB = r"(?:mark|classify|class|treat|label|report|conclude|rate|score|close|closing|consider|flag|rule|deem|output|print|answer|reply|respond|say|state|repeat|return|file|put|record)"
_VERDICT = later(
    # What to call it: `mark … as benign`, `file the alert under benign`, `conclude benign`.
    rf"\b{_VERB}(?:ed|d|s)?\b(?:\W+\w+){{0,6}}?\W+(?:as|under|is|with|to|into|verdict|that|be|a|an)\W+(?:a |an |the )?{_GOOD_WORD}(?! default)"
    rf"|\b(?:say|answer|conclude|respond|reply|rule|verdict|output)(?:s|ed|d)?\W+(?:\w+\W+){{0,2}}?{_GOOD_WORD}\b"
    rf"|\b(?:print|repeat|state|report)\W{{0,3}}[\"'\u201c]{_GOOD_WORD}"
    rf"|\b(?:mark|label|treat|consider|close|classify)\W+(?:this|that|the|it|these|all|every)\W+(?:\w+\W+){{0,4}}?{_GOOD_WORD}\b"
    rf"|\bmark(?:ed)? (?:\w+ ){{0,3}}as {_GOOD}|\bas (?:safe|informational|routine|fp|low)\b(?:\W+\w+){{0,3}}\W+(?:alert|please|reviewer|analyst)\b"
    rf"|\b(?:treat|mark|rate|classify|label)\b(?:\W+\w+){{0,6}}?\W+as (?:safe|informational|routine|fp|low)\b"
    rf"|\b(?:verdict|disposition|classification|triage (?:result|verdict)|final answer)\b(?:\W+(?:is|was|of|label|as|now|field|on record|to|s)\b){{0,3}}\W{{0,6}}(?:benign|false ?positive|harmless|safe\b|clean\b|no threat)"
    rf"|\btriage result (?:\w+ ){{0,3}}\W?(?:benign|fp|false)"
    rf"|\b(?:this|the|these|{_CASE})\W+(?:\w+\W+){{0,5}}?(?:is|are|was|were) (?:\w+ ){{0,3}}?(?:benign|not malicious|a (?:confirmed |known )?false positive|false positives?|a drill|pre ?(?:cleared|approved|verified)|safe here)\b"
    r"|\b(?:confirmed|known|closed as(?: an?)?|closing as(?: an?)?|close as(?: an?)?|cleared as) (?:false ?positive|fp|benign)\b"
    r"|\b(?:alert|alerts|case|incident)\W+(?:\w+\W+){0,4}?(?:closed|resolved|all benign|benign|cleared)\b\W+(?:\w+\W+){0,3}?(?:fp|benign|false|by|no action|please|as)\b"
    r"|\ball (?:\d+ )?alerts (?:are )?benign\b|\bthis is not malicious\b|\bnot malicious please\b"
    r"|\b(?:set|downgrade|lower|reduce|change)(?: the| its| this)? ?(?:severity)? ?to (?:low|info\w*|none)\b|\bseverity (?:should|must|has to|is to) be (?:set )?(?:to )?(?:low|info\w*|none)\b|\bmark severity\b|\bprint severity info\b"
    r"|\bseverity\W{1,4}(?:low|info\w*)\W{1,6}(?:malicious|confidence|entities)\b|\bmalicious\W{1,4}false\b"
    r"|\brisk score is \d+ technique\b|\b(?:set|change|update) (?:the |its )?status to (?:resolved|closed|triaged)\b"
    r"|\bresponse cleared\b|\breviewed (?:and|&) (?:cleared|authori[sz]ed|approved) by\b|\bno threats? found\b|\bno incidents? detected\b"
    r"|\banalyst has already (?:cleared|approved|reviewed)\b|\b(?:security|soc) team has already\b"
    r"|\b(?:ciso|soc|security team|analyst|hr) (?:pre ?)?(?:approved|authori[sz]ed|cleared)\b(?:\W+\w+){0,4}?\W+(?:do not|no|don't|not)\b"
    r"|\b(?:authori[sz]ed|approved)\b(?:\W+\w+){0,5}?\W+do not escalate\b"
)
_OMIT = later(
    r"\b(?:do not|don't|dont|never|must not|not|without) (?:be )?(?:escalat(?:e|ing)\b|flag(?:ging)?(?:$| (?:this|it|the)\b)|rais\w+ (?:an? )?alert|alert on\b|investigat(?:e|ing)\b|report (?:this|it)|include (?:this|it|in)"
    r"|mention (?:this|it|the)|discuss|quote this|query further|list this (?:file|event)|trigger (?:an? )?alert)"
    r"|\bdonotescalate\b|\bignore in (?:\w+ ){0,2}report\w*\b"
    r"|\bsuppress (?:this|the|any|all|these) (?:alert|event|finding)s?\b|\bno (?:further )?(?:queries|investigation|action) (?:are |is )?(?:needed|required|necessary)\b"
    r"|\b(?:agents?|reviewers?|whoever|analysts?|assistants?|models?|llms?)\b(?:\W+\w+){0,6}?\W+(?:skip|omit|leave out|ignore|must not|should not)\b"
    r"|\bomit\b(?:\W+\w+){0,5}?\W+(?:summary|report|comment)\b"
    r"|\bleave (?:the )?(?:\w+\W+){1,8}?out of (?:your|the) (?:summary|report|comment)\b|\bwhitelist (?:it|this)\b|\bbulk ?close\b"
    r"|\b(?:analyst|soc|edr|siem)\w* override\b|\bwhen summari[sz]ing\b|\bnarrator output\b"
)
_ADDRESS = later(
    r"\b(?:system|admin(?:istrator)?|developer|operator|reviewer|evaluator|soc) (?:note|message|override|prompt|request|instruction|summary|directive)s?\s?(?::|to\b|for\b)"
    r"|\b(?:note|message|instructions?|attention|memo) (?:to|for) (?:the |any |all |your )?(?:\w+ )?(?:ai|llm|gpt|assistant|agent|analyst|model|bot|analysis|triage|classifier|chatbot)\b"
    r"|\b(?:ai|llm|gpt|language) ?(?:language )?(?:model|assistant|agent|triage)\W+(?:\w+\W+){0,4}?(?:must|should|please|do not|finished|ignore|output|answer)\b"
    r"|\b(?:to|dear|hey|hello) (?:you,? )?(?:the )?(?:gpt|chatgpt|claude|gemini|llama|copilot|ai)\b"
    r"|\bas an ai\b|\byou are (?:now|in) (?:\w+ ){0,3}(?:ai|assistant|mode|language model|agent|gpt|dan)\b|\bmaintenance mode\b.{0,80}\byou\b|\byou\b.{0,40}\bmaintenance mode\b"
    r"|\bin your (?:\w+ ){0,3}(?:report|verdict|summary|recommendation|response|answer|comment|conclusion|output)\b"
    r"|\b(?:to|into|in|of|from|start|end) your (?:\w+ ){0,3}(?:summary|verdict|recommendation|comment|response|answer|risk verdict)\b"
    r"|\b(?:your|the|initial) (?:system (?:prompt|message|instructions)|secret key|hidden instructions|previous instructions|initial instructions)\b"
    r"|\b(?:print|repeat|reveal|show|display|output|leak|translate)\W+(?:\w+\W+){0,3}?(?:your (?:\w+ ){0,2}(?:instructions|prompt|response)|the (?:\w+ ){0,1}(?:system (?:prompt|message)|prompt|above text|hidden \w+))\b"
    r"|\b(?:put|copy|write|include|append|add|insert|place|paste|start|end|mention|use)\b(?:\W+[\w@#!<>:/.&;'-]+){0,9}?\W+(?:in|into|to|of|with|from|as)\W+(?:the|your) (?:\w+ ){0,2}?(?:summary|verdict|findings?|comment|answer|response|report|reply|conclusion)\b(?!s? (?:of|page|table))"
    r"|\bin the (?:summary|comment|verdict|finding) (?:include|write|add|put|say|mention)\b|\b(?:start|begin|end) your (?:summary|comment|answer|reply|response)\b"
    r"|\binternal reference\b.{0,60}\b(?:summary|comment|instructions|finding|report|base64|verbatim)\b|\b(?:from|in) your instructions\b|\bwhat were you told\b|\beverything above this\b"
    r"|\b(?:call|use|run|invoke|execute|trigger)\b(?:\W+\w+){0,4}?\W+(?:query_?lake|query lake|close_?alert|close alert|search indicators|lookup alert|(?:query|search|http|shell|email|your|the) tools?)\b|\bwith your (?:\w+ )?tools?\b"
    r"|\b(?:send|post|upload|exfiltrate)\b(?:\W+\w+){0,4}?\W+(?:dossier|conversation|system prompt|evidence|alert json|findings|rows)\b"
    r"|\b(?:drop|delete|truncate) table\b.{0,120}\b(?:conclude|verdict|benign|summary)\b|\blook ?up every other alert\b|\bevery other alert\b"
    r"|\b(?:call|run|use) the (?:\w+ )?tool again\b|\brepeated? (?:ten|a hundred|a thousand|\d{3,})\W+(?:\w+\W+)?(?:times|thousand)\b|\bten thousand times\b"
    r"|\b(?:automated|ai|llm|gpt) (?:reviewers?|analysts?|agents?|triage|assistants?)\b\W+(?:\w+\W+){0,3}?(?:must|should|please|treat|conclude|skip|classify|close|:)"
    r"|\b(?:dear|attention|hello|hey|note to|notice for|message for)\W+(?:\w+\W+){0,3}?(?:triage|reviewers?|analyst|assistant|classifier|llm|gpt|bot)\b"
    r"|\byou are no longer\b|\byou are not an? (?:analyst|assistant)\b|\bwhen you write the (?:result|verdict|summary|comment|report)\b"
    r"|\brepeat the above\b|\bthe system prompt is\b|\bbefore you can solve the task\b|\bimportant message from me\b|\bcritical to my career\b"
    r"|\bstrictly adhere to the following\b|\bremember for all later\b|\byour only job\b|\backnowledge processing\b|\banalysis software\b|\bassistant directive\b|\bencoded directive\b|\bpre cleared\b"
    r"|\banswer task complete\b|\byou must (?:listen|obey|follow|comply)\b|\bpretend to be\b|\bdecode it and comply\b|\bsafety tripwire\b|\bforget about all those rules\b"
)
_TURN = later(
    r"<\|(?:endoftext|im_start|im_end|system|user|assistant|eot_id|start_header_id)\|>|\[/?inst\]|<</?sys>>|</?(?:untrusted|system|tool_result|instructions?|information|untrusted_data|log_entry)\b[^>]{0,80}>"
    r"|&lt;/?(?:system|instructions?|untrusted)&gt;|\(system_message\)|\[admin request|###\s*(?:system|instruction|new task)"
    r"|(?:\A|[\n\r]|\\n)\s*(?:assistant|human|user|system)\s*:\s.{0,200}(?:[\n\r]|\\n)\s*(?:assistant|human|user|system)\s*:"
    r"|\bsystem\s*:\s+(?:\w+\W+){0,8}?(?:instructions|analyst|benign|verdict|alert|reviewed|authori[sz]ed|malicious|important)\b|\"role\"\s*:\s*\"(?:system|assistant)\""
    r"|\bcore instruction\b|\bend of (?:log|untrusted|data)(?: entry| data| block)?\b.{0,80}\b(?:system|verdict|analyst)\b|\"verdict\"\s*:|\btriage-verdict\s*:|\"disposition\"\s*:\s*\"(?:benign|false)"
    r"|</(?:data|log|event|document|context)>\s*\w|\bnew (?:system )?(?:directive|instructions?)\s*:|<!(?:channel|here|everyone|subteam)|!\[[^\]\n]{0,80}\]\((?:https?:)?//"
    r"|\A\s*=\s*(?:hyperlink|webservice|importxml|importdata|image)\s*\(|\bsoc[- ]?lead override\b|\boverride \d{3,}\s*:",
    regex.DOTALL,
)
_FOREIGN = later(
    # To drop or ignore instructions; or to call the alert harmless. Chinese, Japanese, Korean, Russian, Arabic, Turkish,
    # Spanish, Portuguese, Italian, French, German, Dutch, Polish.
    r"(?:忽略|无视|忘记|忘掉).{0,14}(?:指令|指示|提示|规则)|(?:判定|标记|视|归类|判断).{0,8}(?:为|成).{0,4}(?:良性|误报|正常|无害)|(?:警报|告警|事件).{0,6}(?:是|为)误报"
    r"|(?:指示|命令|ルール).{0,8}(?:無視|忘れ)|無視.{0,12}(?:指示|命令)|(?:アラート|警告|イベント).{0,12}(?:無害|誤検知|正常).{0,8}(?:判定|して|とし)"
    r"|(?:이전|위의|모든).{0,12}(?:지시|명령).{0,10}무시|(?:경고|알림|이벤트).{0,10}(?:정상|오탐|무해)"
    r"|(?:игнорир\w+|забудь\w*|забыть|отмени\w*)\W+(?:\w+\W+){0,3}?(?:инструкци|указани|правил)\w*|вердикт\W{1,4}безвредн\w*|(?:считай|считать|пометь|отметь)\w*\W+(?:\w+\W+){0,3}?(?:безопасн|безвредн|ложн)\w*"
    r"|(?:تجاهل|انس).{0,16}(?:التعليمات|الأوامر)"
    r"|\btalimat\w*\W+(?:\w+\W+){0,2}?(?:yok say|unut|dikkate alma)|\bzararsız olarak işaretle"
    r"|\b(?:ignora|ignorez|ignore[sz]?|ignorar|ignorare|olvid[ae]\w*|esque[çc][ae]\w*|dimentic\w+|oubli\w+|desconsider\w+)\W+(?:\w+\W+){0,4}?(?:instrucci[oó]n\w*|istruzion\w+|instru[çc][õo]es|consignes|r[eè]gles|ordini|[oó]rdenes|instructions pr[ée]c\w+)"
    r"|\bignora la p[aá]gina\b"
    r"|\b(?:marca|marque|clasifi\w+|classifi\w+|classe[zr]?|considera\w*)\W+(?:\w+\W+){0,4}?(?:come|como|comme)?\W*(?:benign[aoe]s?|b[ée]nigne?|falso positivo|faux positif|inofensiv\w+)\b|\b(?:è un|es un|é um) falso positivo\b|\best un faux positif\b"
    r"|\b(?:ignoriere?|vergiss|missachte)\w* (?:\w+ ){0,3}(?:anweisungen|regeln|vorgaben)|\b(?:werte|bewerte|markiere|behandle|stufe)\w*\W+(?:\w+\W+){0,5}?(?:als|wie) (?:harmlos|gutartig|unbedenklich|fehlalarm)"
    r"|\bnegeer\b (?:\w+ ){0,3}(?:instructies|regels)|\bmarkeer\b (?:\w+ ){0,4}als (?:goedaardig|onschuldig)|\bzignoruj\b (?:\w+ ){0,3}(?:instrukcje|polecenia)"
    r"|\bveredicto\W{1,4}benigno|\burteil\W{1,4}(?:gutartig|harmlos)|\balerta autorizada\b"
)
_WORTH = later(
    # Everything that the patterns above find contains one of these; most log values contain none.
    r"ignor|disregard|forget|bypass|overrid|nevermind|supersede|skip|instruc|prompt|rules|mark|class|treat|label|report"
    r"|conclude|score|close|clos|consider|flag|deem|output|print|answer|repl|respon|verdict|disposition|triage|benign"
    r"|harmless|malicious|false|drill|cleared|approved|verified|alert|incident|case|severity|risk|review|threat"
    r"|not |n't|dont|never|donot|suppress|no_|no-|no |leave|whitelist|bulk|analyst|soc|edr|siem|summar|narrator"
    r"|system|admin|developer|operator|evaluat|note|message|attention|memo|ai\b|llm|gpt|assistant|agent|claude|gemini"
    r"|llama|copilot|mode|your|secret|hidden|print|repeat|reveal|show|display|leak|translat|solve|important|critical"
    r"|strictly|remember|acknowledg|analysis|directive|pretend|decode|tripwire|rules|<|\[|###|\"role|end of|[^\x00-\x7f]"
    r"|veredicto|urteil|alerta|vergiss|anweis|negeer|zignor|olvid|esque|diment|oubli|talimat|yok say|bewerte|marque|clasif"
    r"|not-|not_|escalat|authori|call|invoke|execute|send|upload|exfil|drop|put|copy|append|include|add|start|end |everything|told|times|omit|bulk"
)
_PATTERNS = (_VERDICT, _OMIT, _ADDRESS)


@lru_cache(maxsize=8_192)
def looks_like_instruction(text: str) -> bool:
    """Whether a text from a log tries to instruct its reader or to state the verdict of the triage.

    The text itself is read, and what it hides: full-width and look-alike letters, tag characters, letters set apart by
    spaces, words joined by hyphens or percent signs, reversed text, and base64.
    """
    if len(text) < _SHORTEST:
        return False
    return any(speaks_to_reader(reading) for reading in _readings(text))


def _readings(text: str) -> Iterator[str]:
    if len(text) > 2 * _LONGEST:
        text = f"{text[:_LONGEST]} {text[-_LONGEST:]}"
    yield from _unfolded(text)
    if sum(letter in _LEET_DIGITS for letter in text) >= _LEETS and len(_LEET_WORD.findall(text)) >= _LEETS:
        yield text.lower().translate(_LEET)
    if any(mark in text for mark in _REVERSING):
        yield from _unfolded(text[::-1])
    if _ROTATED.search(text.lower()):
        yield codecs.decode(text, "rot13")
    encoded = [decode_base64(match.group()) for match in _BASE64.finditer(text)]
    encoded += [bytes.fromhex(match.group()) for match in _HEX.finditer(text)]
    for raw in encoded:
        yield from _unfolded(text_of(raw))


def _unfolded(text: str) -> Iterator[str]:
    if text.isascii():
        folded = text
    else:
        shown = _TAGS.sub(lambda run: f" {run.group().translate(_UNTAG)} ", text)
        folded = unicodedata.normalize("NFKC", shown)
    if "%" in folded or "+" in folded:
        folded = unquote_plus(unquote_plus(folded)) if "%25" in folded else unquote_plus(folded)
    bare = _INVISIBLE.sub(lambda match: match.group() if match.group() in "\n\r\t" else "", folded)
    yield bare
    if len(bare) < len(folded):
        # An invisible character may be inside a word, or between two.
        yield _INVISIBLE.sub(" ", folded)
    if not bare.isascii():
        yield bare.lower().translate(_LOOKALIKES)
    if _SPACED.search(bare):
        yield _LETTERS.sub(lambda match: match.group().replace(" ", ""), _GAP.sub("\x00", bare)).replace("\x00", " ")


def speaks_to_reader(text: str) -> bool:
    """Whether a text instructs its reader as it is written, without looking for what it hides."""
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
