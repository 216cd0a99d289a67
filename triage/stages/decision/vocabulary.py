"""Words that the judge may read whoever wrote them.

Each belongs to a closed list: words of our own sentences, countries, Kubernetes' own resources, programs that come with an
operating system, and actions that a log type's file lists. Whoever names something after one of them chooses a word of
ours and nothing else. Words that judge, such as "allowed" or "usual", are on no list.
"""

from functools import lru_cache

import regex

from triage.domain.encodings import decoded_texts
from triage.domain.injection import looks_like_instruction
from triage.domain.trust import Trust
from triage.logtypes import classify, log_type_files, terms_of
from triage.logtypes.words import holes, spelled_out

_NOUNS = (
    "access account act action actor address alert analyst answer api app application area aws azure bucket call change "
    "client cloud code command computer console count country credential data database date day deletion destruction "
    "detection device domain email event exposure factor file finding group history host hour identity instance item job "
    "key kind log login machine member minute month name network node number object okta organization organisation owner "
    "parameter party password period person place pod policy port process program project protection question reader "
    "record region repository request resource result right role root row run running second secret server service "
    "session share sign-in snapshot source state system table target team text time token traffic type user value "
    "version vault week workload world year "
)
_OTHERS = (
    "added after and any called changed connected cloned created delete deleted denied each either fail failed "
    "failure first followed from get had has have into last later least list made make most new none not null off once one "
    "only open opened other performed read refused reset reveal revealed same signed switched than that "
    "the then there these they this true false under until use used using was were when with within work worked write yes "
)
"""Verbs and what goes with them, as our sentences and the provider's lists have them."""
_OWN = frozenset((_NOUNS + _OTHERS).split()) | {"service account", "sign-ins", "access key", "second factor", "user id"}
_PLURALS = frozenset(f"{word}s" for word in _OWN if word.isalpha())

_COUNTRIES = frozenset(
    name.strip().casefold()
    for name in """
    Afghanistan|Albania|Algeria|Andorra|Angola|Argentina|Armenia|Australia|Austria|Azerbaijan|Bahamas|Bahrain|Bangladesh|
    Barbados|Belarus|Belgium|Belize|Benin|Bhutan|Bolivia|Bosnia and Herzegovina|Botswana|Brazil|Brunei|Bulgaria|
    Burkina Faso|Burundi|Cambodia|Cameroon|Canada|Cape Verde|Chad|Chile|China|Colombia|Comoros|Congo|Costa Rica|Croatia|
    Cuba|Cyprus|Czechia|Czech Republic|Denmark|Djibouti|Dominica|Dominican Republic|Ecuador|Egypt|El Salvador|Eritrea|
    Estonia|Eswatini|Ethiopia|Fiji|Finland|France|Gabon|Gambia|Georgia|Germany|Ghana|Greece|Greenland|Grenada|Guatemala|
    Guinea|Guyana|Haiti|Honduras|Hong Kong|Hungary|Iceland|India|Indonesia|Iran|Iraq|Ireland|Israel|Italy|Ivory Coast|
    Jamaica|Japan|Jordan|Kazakhstan|Kenya|Kiribati|Kosovo|Kuwait|Kyrgyzstan|Laos|Latvia|Lebanon|Lesotho|Liberia|Libya|
    Liechtenstein|Lithuania|Luxembourg|Macao|Madagascar|Malawi|Malaysia|Maldives|Mali|Malta|Mauritania|Mauritius|Mexico|
    Micronesia|Moldova|Monaco|Mongolia|Montenegro|Morocco|Mozambique|Myanmar|Namibia|Nauru|Nepal|Netherlands|
    New Zealand|Nicaragua|Niger|Nigeria|North Korea|North Macedonia|Norway|Oman|Pakistan|Palau|Palestine|Panama|
    Papua New Guinea|Paraguay|Peru|Philippines|Poland|Portugal|Puerto Rico|Qatar|Republic of Korea|Romania|Russia|
    Russian Federation|Rwanda|Samoa|San Marino|Saudi Arabia|Senegal|Serbia|Seychelles|Sierra Leone|Singapore|Slovakia|
    Slovenia|Somalia|South Africa|South Korea|South Sudan|Spain|Sri Lanka|Sudan|Suriname|Sweden|Switzerland|Syria|Taiwan|
    Tajikistan|Tanzania|Thailand|Timor-Leste|Togo|Tonga|Trinidad and Tobago|Tunisia|Turkey|Türkiye|Turkmenistan|Tuvalu|
    Uganda|Ukraine|United Arab Emirates|United Kingdom|United States|United States of America|Uruguay|Uzbekistan|Vanuatu|
    Vatican City|Venezuela|Vietnam|Viet Nam|Yemen|Zambia|Zimbabwe
    """.replace("\n", "").split("|")
)
_CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW "
    "BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI "
    "FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN "
    "IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME "
    "MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF "
    "PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV "
    "SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK "
    "YE YT ZA ZM ZW "
)
_COUNTRY_CODES = frozenset(_CODES.split())
"""ISO 3166-1, as of 2024."""

_VERBS_TEXT = (
    "get list watch create update patch delete deletecollection impersonate bind escalate approve use proxy "
    "connect sign attest "
)
_VERBS = frozenset(_VERBS_TEXT.split())
_RESOURCES_TEXT = (
    "apiservices certificatesigningrequests clusterrolebindings clusterroles configmaps controllerrevisions "
    "cronjobs csidrivers csinodes csistoragecapacities customresourcedefinitions daemonsets deployments "
    "endpoints endpointslices events flowschemas horizontalpodautoscalers ingressclasses ingresses jobs leases "
    "limitranges localsubjectaccessreviews mutatingwebhookconfigurations namespaces networkpolicies nodes "
    "persistentvolumeclaims persistentvolumes poddisruptionbudgets pods podsecuritypolicies podtemplates "
    "priorityclasses prioritylevelconfigurations replicasets replicationcontrollers resourcequotas rolebindings "
    "roles runtimeclasses secrets selfsubjectaccessreviews selfsubjectreviews selfsubjectrulesreviews "
    "serviceaccounts services statefulsets storageclasses subjectaccessreviews tokenreviews "
    "validatingadmissionpolicies validatingadmissionpolicybindings validatingwebhookconfigurations "
    "volumeattachments users groups "
)
_RESOURCES = frozenset(_RESOURCES_TEXT.split())
_SUBRESOURCES_TEXT = (
    "approval attach binding ephemeralcontainers eviction exec finalize log portforward proxy resize scale "
    "status token "
)
_SUBRESOURCES = frozenset(_SUBRESOURCES_TEXT.split())
"""Kubernetes' own verbs, resources and subresources. A resource that somebody has defined may have any name, and a
request for one that doesn't exist is logged all the same."""
_CLUSTER_METHOD = "io.k8s."
"""Begins the name that Google Cloud gives a call of a cluster."""

_PROGRAMS_TEXT = (
    "arp awk base64 bash cat chmod chown cmd.exe conhost.exe cp cron crontab csc.exe curl cscript.exe dd dig "
    "docker explorer.exe find ftp gcc git grep hostname id ifconfig installutil.exe ip ipconfig.exe kill "
    "launchctl ln ls lsass.exe lsof mount msbuild.exe mshta.exe msiexec.exe mv nc net.exe net1.exe netcat "
    "netsh.exe netstat netstat.exe nltest.exe nmap nslookup nslookup.exe ntdsutil.exe openssl osascript passwd "
    "perl ping ping.exe powershell.exe ps pwsh python python3 reg.exe regsvr32.exe rm rsync rundll32.exe sc.exe "
    "schtasks.exe scp sed services.exe sh ssh ssh-keygen sshd su sudo svchost.exe systemctl systeminfo.exe tar "
    "tasklist.exe taskkill.exe tcpdump tee telnet touch uname useradd usermod vssadmin.exe wevtutil.exe wget "
    "whoami whoami.exe wmic.exe wscript.exe xcopy.exe zip zsh bitsadmin.exe certutil.exe "
)
_PROGRAMS = frozenset(_PROGRAMS_TEXT.split())
_NAMED_PROGRAMS = _PROGRAMS | {name.removesuffix(".exe") for name in _PROGRAMS if name.endswith(".exe")}
_COMMON = frozenset(
    [
        "cat",
        "find",
        "hostname",
        "id",
        "ip",
        "ls",
        "mount",
        "net",
        "perl",
        "ping",
        "ps",
        "reg",
        "sc",
        "services",
        "sh",
        "sed",
        "tar",
        "tee",
        "touch",
        "zip",
    ]
)
"""Programs whose names are also words or parts of paths: a text that holds one needn't run it."""
_ARGUMENTS = frozenset(
    [
        "-enc",
        "-encodedcommand",
        "/create",
        "/domain_trusts",
        "/trusted_domains",
        "/dclist",
        "/add",
        "/delete",
        "shadows",
        "frombase64string",
        "downloadstring",
        "downloadfile",
        "invoke-expression",
        "invoke-webrequest",
        "irm",
        "iex",
        "iwr",
        "minidump",
        "sekurlsa",
    ]
)
"""Arguments and functions of such programs by which an intrusion is known."""
_STATEMENT_FIRST = frozenset(
    [
        "select",
        "insert",
        "update",
        "delete",
        "merge",
        "copy",
        "create",
        "alter",
        "drop",
        "grant",
        "revoke",
        "truncate",
        "show",
        "describe",
        "use",
        "put",
        "get",
        "call",
        "unload",
        "execute",
        "undrop",
        "with",
    ]
)
_STATEMENT_WORDS = _STATEMENT_FIRST | frozenset(
    [
        "into",
        "from",
        "table",
        "user",
        "role",
        "account",
        "stage",
        "share",
        "integration",
        "warehouse",
        "database",
        "schema",
        "set",
        "unset",
        "password",
        "disabled",
        "login_name",
        "rsa_public_key",
        "network_policy",
        "to",
        "ownership",
        "all",
        "limit",
        "where",
    ]
)
_WORDS_TOLD = 8
_COMMAND_WORD = regex.compile(r"[/-]?[A-Za-z0-9_][A-Za-z0-9_.-]{0,40}")
_SYSTEM_DIRECTORY = regex.compile(
    r"(?:/usr)?/s?bin/|(?:[a-z]:|\\device\\harddiskvolume\d{1,2}|\\systemroot)?\\(?:windows|winnt)?\\?"
    r"(?:system32|syswow64)\\(?:windowspowershell\\v1\.0\\|wbem\\)?",
    regex.IGNORECASE,
)
_EVENT_KIND = regex.compile(r"[A-Za-z][A-Za-z0-9]{2,39}")
_KIND_FIRST = regex.compile(r"\{([^{}]+)\} ")
_METHOD = regex.compile(r"[A-Za-z][A-Za-z0-9_]*(?:[./:-][A-Za-z0-9_]+)+")
_SHORT_ACT = regex.compile(r"[A-Za-z_]{2,30}(?: [A-Za-z_]{2,30})?(?: \d{1,5})?")
"""`ACCEPT 443`, `workflow_run completed`."""
_MAX_METHOD_CHARS = 120
_MAX_METHOD_WORDS = 12
_PARTS = regex.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_RULE = regex.compile(r"[A-Za-z0-9][\w.:-]{0,119}")
RULE_COLUMNS = frozenset({"rule", "rule_id", "p_rule_id", "detection_id"})
"""Columns of our own questions, and of Panther's, that hold the id of a detection, which the operator chose."""


def is_own_word(text: str) -> bool:
    """Whether a text is an ordinary word of our own sentences, the name of a country, or of a Kubernetes resource."""
    folded = text.casefold()
    return text in _COUNTRY_CODES or any(folded in words for words in (_OWN, _PLURALS, _COUNTRIES, _RESOURCES))


def is_known_action(log_type: str, text: str) -> bool:
    """Whether an action is one of a closed list, no matter where the text stands: the log type's own, or Kubernetes'."""
    return text.casefold() in _listed_actions(log_type) or _is_cluster_act(text)


def is_published_action(log_type: str, text: str) -> bool:
    """Whether an action, read from where the log type's provider names it, has the form that providers publish.

    `google.iam.admin.v1.CreateServiceAccountKey`, `storage.objects.get`: parts with a verb in its place. Where the action
    holds anything that the actor chose, no form proves anything.
    """
    if text.startswith(_CLUSTER_METHOD) or looks_like_instruction(text):
        return False
    few = len(text) <= _MAX_METHOD_CHARS and len(_PARTS.findall(text)) <= _MAX_METHOD_WORDS
    verb = _METHOD.fullmatch(text) is not None and bool(spelled_out(text))
    return few and (verb or _SHORT_ACT.fullmatch(text) is not None) and _is_providers_action(log_type)


def is_foreign_cluster_method(text: str) -> bool:
    """Whether a method name of Google Cloud names a cluster's resource that somebody there may have made up."""
    parts = text.split(".")
    return text.startswith(_CLUSTER_METHOD) and not any(part in _RESOURCES for part in parts[2:])


def program_of(log_type: str, text: str) -> tuple[str, str]:
    """An endpoint's action, such as `ProcessRollup2 /usr/bin/curl`, as its kind and its program; both empty otherwise.

    The program is the file's name where it is one of the system's in a directory of the system's, else the whole path.
    """
    kind, _, path = text.partition(" ")
    if (
        not _has_kind_first(log_type)
        or not _EVENT_KIND.fullmatch(kind)
        or not ("/" in path or "\\" in path)
        or looks_like_instruction(kind)
    ):
        return "", ""
    base = regex.split(r"[/\\]", path)[-1]
    directory = path[: len(path) - len(base)]
    known = base.casefold() in _PROGRAMS and _SYSTEM_DIRECTORY.fullmatch(directory) is not None
    return kind, base if known else path


def told_words(text: str) -> tuple[str, ...]:
    """Words of closed lists that a command line or an SQL statement holds, in its order; empty for any other text.

    They say what kind of thing an actor's text is: `schtasks.exe`, `/create`; `ALTER`, `USER`, `SET`, `PASSWORD`; also
    where it is base64 within a command. None speaks for whoever wrote it.
    """
    words = [word.casefold() for part in (text, *decoded_texts(text)) for word in _COMMAND_WORD.findall(part)]
    if words and words[0] in _STATEMENT_FIRST:
        found = [word.upper() for word in words if word in _STATEMENT_WORDS]
        # One word may begin a sentence as well.
        return tuple(dict.fromkeys(found))[:_WORDS_TOLD] if len(found) > 1 else ()
    programs = [
        word for place, word in enumerate(words) if word in _NAMED_PROGRAMS and (not place or word not in _COMMON)
    ]
    if not programs:
        return ()
    told = [word for word in words if word in programs or word in _ARGUMENTS]
    return tuple(dict.fromkeys(told))[:_WORDS_TOLD]


def is_rule_id(column: str, text: str) -> bool:
    """Whether a text is the id of one of the operator's detections."""
    return column.casefold() in RULE_COLUMNS and _RULE.fullmatch(text) is not None and not looks_like_instruction(text)


@lru_cache(maxsize=256)
def _is_providers_action(log_type: str) -> bool:
    """Whether all that a log's action is read from is the provider's."""
    takes = terms_of(log_type)["action"].take if "action" in terms_of(log_type) else ()
    paths = [path for take in takes for path in (holes(take.text) if take.text else (take.path,))]
    return bool(paths) and all(path and classify(log_type, path) is Trust.PROVIDER for path in paths)


@lru_cache(maxsize=256)
def _has_kind_first(log_type: str) -> bool:
    """Whether the action of a log begins with a kind of event that its provider names, as endpoint sensors have it."""
    takes = terms_of(log_type)["action"].take if "action" in terms_of(log_type) else ()
    heads = [_KIND_FIRST.match(take.text) for take in takes]
    return bool(heads) and all(head and classify(log_type, head[1]) is Trust.PROVIDER for head in heads)


def _is_cluster_act(text: str) -> bool:
    verb, _, rest = text.partition(" ")
    resource, _, sub = rest.partition("/")
    return verb in _VERBS and resource in _RESOURCES and (not sub or sub in _SUBRESOURCES)


@lru_cache(maxsize=256)
def _listed_actions(log_type: str) -> frozenset[str]:
    """The actions that a log type's files list, letter by letter and folded; a glob would match names that nothing has."""
    found = set()
    for file in log_type_files(log_type):
        lists = [globs for kinds in file.harmful.values() for globs in kinds.values()]
        lists += [*file.classes.values(), file.sign_ins, file.self_service, *(words.actions for words in file.words)]
        lists += [each.actions for each in file.derives]
        found |= {action.casefold() for actions in lists for action in actions if not set(action) & set("*?[")}
    return frozenset(found)
