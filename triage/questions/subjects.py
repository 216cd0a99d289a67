"""About whom or what a question is, as a condition on the events of a log."""

from collections.abc import Sequence

from triage.domain.identity import NOUNS, IdentityKind
from triage.domain.question import Subject, SubjectRole
from triage.logtypes import column_of
from triage.questions.parts import Log, NotAskable, Parameters

INDICATORS_OF_ACTOR = ("p_any_usernames", "p_any_emails", "p_any_actor_ids", "p_any_aws_arns")
"""Panther's columns that hold names of people and services."""
EACH = ".*"
"""Ends the path of a field that holds a list; only binding writes it."""
_COLUMNS = {
    "ip": ("p_any_ip_addresses",),
    "domain": ("p_any_domain_names",),
    "hash": ("p_any_sha256_hashes", "p_any_sha1_hashes", "p_any_md5_hashes"),
    "arn": ("p_any_aws_arns",),
    "account": ("p_any_aws_account_ids",),
    "any": (
        *INDICATORS_OF_ACTOR,
        "p_any_ip_addresses",
        "p_any_domain_names",
        "p_any_aws_account_ids",
        "p_any_trace_ids",
    ),
}
NAMING_TERMS = ("actor", "target", "recipient", "address", "session", "host", "service")
"""The terms in which a bare value of unknown kind is searched for, beside the columns that Panther fills."""
_NAMES_OF_KIND = {
    IdentityKind.EMAIL: ("p_any_emails", "p_any_usernames"),
    IdentityKind.AWS_USER_ARN: ("p_any_aws_arns",),
    IdentityKind.AWS_ROLE_ARN: ("p_any_aws_arns",),
    IdentityKind.AWS_SESSION_ARN: ("p_any_aws_arns",),
    IdentityKind.ADDRESS: ("p_any_ip_addresses",),
}
"""Panther's columns for what is no user name and no id."""
_LIST_OF_ROLE = {
    SubjectRole.ADDRESS: ("address", "addresses"),
    SubjectRole.SESSION: ("session", "sessions"),
    SubjectRole.TARGET: ("target", "targets"),
    SubjectRole.RECIPIENT: ("recipient", "recipients"),
    SubjectRole.HOST: ("host", "hosts"),
}
"""The term that holds a role, and the parameter with its values."""
_DERIVED = {
    "session": "derived_sessions",
    "workload": "derived_workloads",
    "self": "derived_selves",
    "actor": "derived_actors",
}


def identity_parameter(kind: IdentityKind) -> str:
    """The parameter with the actor's identities of a kind."""
    return f"id_{kind.value}"


def condition(
    subjects: Sequence[Subject], log: Log, parameters: Parameters, *, acting: bool
) -> tuple[str, tuple[str, ...]]:
    """SQL that holds where an event has one of the subjects, and why others are left out.

    Args:
        subjects: At least one.
        log: What is asked.
        parameters: Takes up those that the SQL needs.
        acting: The subjects did something, as opposed to: it was done to them or from there.

    Returns:
        The SQL is empty where any event will do.

    Raises:
        NotAskable: the log can't be searched for any of them.
    """
    if any(subject.role is SubjectRole.ANYONE for subject in subjects):
        return "", ()
    found, reasons = [], []
    for subject in subjects:
        try:
            sql = _one(subject, log, parameters, acting=acting)
        except NotAskable as error:
            reasons.append(error.why)
            continue
        if sql:
            found.append(sql)
        else:
            reasons.append(f"the alert names no {subject.role or subject}")
    if not found:
        raise NotAskable("; ".join(dict.fromkeys(reasons)))
    return _either(found), tuple(dict.fromkeys(reasons))


def _one(subject: Subject, log: Log, parameters: Parameters, *, acting: bool) -> str:
    if subject.field:
        return _field(subject.field, parameters)
    if subject.role is None:
        return _literal(subject, log, parameters, acting=acting)
    match subject.role:
        case SubjectRole.ACTOR:
            return _actor(log, parameters)
        case SubjectRole.OTHERS:
            return _others(log, parameters)
        case SubjectRole.DERIVED:
            return _derived(log, parameters)
        case SubjectRole.HASH:
            return overlap(_COLUMNS["hash"], "hashes", parameters)
    term, name = _LIST_OF_ROLE[subject.role]
    if subject.role is SubjectRole.ADDRESS and term not in log.terms:
        return overlap(("p_any_ip_addresses",), name, parameters)
    sql = log.term(term)
    return f"{sql} IN ({parameters.texts(name)})" if parameters.given(name) else ""


def _field(path: str, parameters: Parameters) -> str:
    name = parameters.field_name(path)
    if not parameters.given(name):
        return ""
    parameters.fields[name] = path
    if path.startswith("p_any_"):
        return f"ARRAYS_OVERLAP({column_of(path)}, {parameters.texts(name)})"
    if path.endswith(EACH):
        # A list in the alert's own event: any of its items in any place.
        array = column_of(path.removesuffix(EACH)).removesuffix("::string")
        return f"ARRAYS_OVERLAP(TO_ARRAY({array}), {parameters.texts(name)})"
    column = column_of(path)
    # A column may be a number or a boolean; the alert's events give texts.
    column = column if column.endswith("::string") else f"{column}::string"
    return f"{column} IN ({parameters.texts(name)})"


def _actor(log: Log, parameters: Parameters) -> str:
    """Under the log's own name for whoever acts, or under the kinds of identity that the log has."""
    tests = []
    if "actor" in log.terms and parameters.given("actors"):
        tests.append(f"{log.term('actor')} IN ({parameters.texts('actors')})")
    for kind, term in log.identities.items():
        name = identity_parameter(kind)
        if parameters.given(name):
            parameters.kinds[kind] = None
            tests.append(f"({term.sql}) IN ({parameters.texts(name)})")
    email = log.identities.get(IdentityKind.EMAIL)
    if email is not None and IdentityKind.USERNAME not in log.identities and parameters.given("names"):
        tests.append(f"SPLIT_PART({email.sql}, '@', 1) IN ({parameters.texts('names')})")
    if not log.terms and not log.identities and parameters.given("values"):
        tests.append(overlap(INDICATORS_OF_ACTOR, "values", parameters))
    return _either(tests)


def _others(log: Log, parameters: Parameters) -> str:
    if not log.terms and not log.identities:
        raise NotAskable(f"it isn't known which field of {log.log_type} holds the actor")
    actor = _actor(log, parameters)
    if not actor:
        return ""
    named = f"{log.term('actor')} IS NOT NULL AND " if "actor" in log.terms else ""
    return f"({named}NOT COALESCE({actor}, FALSE))"


def _derived(log: Log, parameters: Parameters) -> str:
    tests = [
        f"{log.term(term)} IN ({parameters.texts(name)})"
        for term, name in _DERIVED.items()
        if term in log.terms and parameters.given(name)
    ]
    email = log.identities.get(IdentityKind.EMAIL)
    if email is not None and parameters.given("derived_emails"):
        parameters.kinds[IdentityKind.EMAIL] = None
        tests.append(f"({email.sql}) IN ({parameters.texts('derived_emails')})")
    if not log.terms and not log.identities:
        raise NotAskable(f"it isn't known which field of {log.log_type} holds the actor")
    return _either(tests)


def _literal(subject: Subject, log: Log, parameters: Parameters, *, acting: bool) -> str:
    identity = subject.identity
    if identity is None:
        found = literal_indicators(subject, parameters)
        if subject.kind != "any":
            return found
        value = parameters.constant("value", (subject.value,))
        return _either([found, *(f"{log.term(name)} IN ({value})" for name in NAMING_TERMS if name in log.terms)])
    if acting and (log.identities or log.terms):
        if identity.kind not in log.identities:
            raise NotAskable(f"{log.log_type} doesn't name people by {NOUNS[identity.kind]}")
        parameters.kinds[identity.kind] = None
        return f"({log.identities[identity.kind].sql}) IN ({parameters.constant('value', (identity.value,))})"
    value = parameters.constant("value", (identity.value,))
    tests = [f"{log.term(term)} IN ({value})" for term in ("target", "recipient") if term in log.terms and not acting]
    return _either([*tests, literal_indicators(subject, parameters)])


def literal_indicators(subject: Subject, parameters: Parameters) -> str:
    """A literal value in the columns that Panther fills for values of its kind."""
    identity = subject.identity
    value = parameters.constant("value", (identity.value if identity is not None else subject.value,))
    return _either([f"ARRAYS_OVERLAP({column}, {value})" for column in columns_of_literal(subject.kind)])


def columns_of_literal(kind: str) -> tuple[str, ...]:
    """Panther's columns for literal values of a kind."""
    if kind in _COLUMNS:
        return _COLUMNS[kind]
    return _NAMES_OF_KIND.get(IdentityKind(kind), ("p_any_usernames", "p_any_actor_ids"))


def is_by_indicator(subject: Subject, log: Log, *, acting: bool) -> bool:
    """Whether a subject is searched for in the columns that Panther fills, rather than in the log's own fields alone."""
    match subject.role:
        case None:
            in_fields = acting and bool(log.identities or log.terms) and not log.holds_matches
            return bool(subject.kind) and not (subject.identity is not None and in_fields)
        case SubjectRole.HASH:
            return True
        case SubjectRole.ADDRESS:
            return log.holds_matches or "address" not in log.terms
        case SubjectRole.ACTOR:
            return log.holds_matches or not (log.terms or log.identities)
    return False


def overlap(columns: Sequence[str], name: str, parameters: Parameters) -> str:
    """The alert's values in columns that hold lists; empty where it has none."""
    if not parameters.given(name):
        return ""
    value = parameters.texts(name)
    return _either([f"ARRAYS_OVERLAP({column}, {value})" for column in columns])


def _either(tests: Sequence[str]) -> str:
    return tests[0] if len(tests) == 1 else f"({' OR '.join(tests)})" if tests else ""
