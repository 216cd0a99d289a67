"""Playbooks: the questions that analysts ask the lake, as YAML files.

A question may name terms (`{actor}`, `{action}`, …) in place of a log type's fields, and is then asked of every log
type whose file in `triage.logtypes` has these terms; a playbook may also give terms itself. Terms are put in as SQL
before a question is parsed; values enter after that, as typed literals (`:actor`, `:addresses`, …), through
`QueryTemplate`.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from triage import logtypes
from triage.domain.globs import any_glob
from triage.domain.question import OWN
from triage.domain.question import Question as Ask
from triage.domain.sql import ParameterType, QueryTemplate, SqlRefused
from triage.domain.yaml_lines import YamlError, YamlFile, YamlPath, read_yaml
from triage.errors import ConfigError
from triage.logtypes import DERIVED_TERMS, TERMS, Term, table_of
from triage.questions import CompiledQuestion, NotAskable, compile_question
from triage.questions.parts import OwnTerms
from triage.stages.enrichment.playbook import LISTS, TIMES, Playbook, Question

_HOLE = re.compile(r"\{([a-z_]+)\}")
_SAMPLE_LOG_TYPE = "any.table"


@dataclass(frozen=True, slots=True)
class PlaybookQuestion:
    """A playbook's question about one table."""

    key: str
    """Stable name, such as `aws_cloudtrail.action_history`."""
    playbook: Playbook
    definition: Question
    log_type: str
    database: str
    table: str
    _parsed: Callable[[], QueryTemplate]
    compiled: CompiledQuestion | None = None
    """Where the question is a value in place of SQL."""

    @property
    def template(self) -> QueryTemplate:
        """The query with its holes; parsed when it is first wanted."""
        return self._parsed()


@dataclass(frozen=True, slots=True)
class Playbooks:
    """All playbooks, checked. Make them with `load_playbooks`."""

    books: tuple[Playbook, ...]
    _templates: dict[tuple[str, str, str], QueryTemplate] = field(default_factory=dict)
    """Those already parsed: parsing all of them at the start would take seconds."""

    def terms_of(self, log_type: str) -> Mapping[str, Term]:
        """How a log type says who, what, where; empty where that is not known. A playbook's own terms come first."""
        for book in self.books:
            if book.terms and any_glob(log_type, book.log_types):
                return logtypes.with_derived(log_type, book.terms)
        return logtypes.terms_of(log_type)

    def questions_for(
        self, log_types: Sequence[str], *, kinds: Iterable[str], tags: Iterable[str], detection_id: str
    ) -> Iterator[PlaybookQuestion]:
        """The questions that an alert's log types, entities and detection call for, in file order."""
        known_kinds, known_tags = set(kinds), list(tags)
        for book in self.books:
            if book.entity_kinds and not known_kinds & set(book.entity_kinds):
                continue
            if book.tags and not any(any_glob(tag, book.tags) for tag in known_tags):
                continue
            if book.detections and not any_glob(detection_id, book.detections):
                continue
            for log_type in ("",) if book.every_alert else log_types:
                yield from self._of_book(book, log_type)

    def _of_providers(self, book: Playbook) -> Iterator[PlaybookQuestion]:
        """The questions of every alert to each identity provider."""
        for name, provider in book.asked_of.items():
            kinds = logtypes.identities_of(provider.log_type)
            for question in book.questions:
                if question.log_types and not any_glob(provider.log_type, question.log_types):
                    continue
                if not _holes(question) <= self.terms_of(provider.log_type).keys():
                    continue
                words = {"question": question.question.replace("{product}", provider.product)}
                fitting = {"kinds": tuple(kind for kind in question.kinds if kind in kinds)}
                yield PlaybookQuestion(
                    key=f"{name}_{book.playbook}.{question.id}",
                    playbook=book,
                    definition=question.model_copy(update={**words, **fitting}),
                    log_type=provider.log_type,
                    database=question.database,
                    table=table_of(provider.log_type),
                    _parsed=partial(self._template, book, question, provider.log_type),
                )

    def _of_book(self, book: Playbook, log_type: str) -> Iterator[PlaybookQuestion]:
        if book.asked_of:
            yield from self._of_providers(book)
            return
        terms = self.terms_of(log_type)
        if not book.every_alert and (not any_glob(log_type, book.log_types) or (book.without_terms and terms)):
            return
        for question in book.questions:
            if question.log_types and not any_glob(log_type, question.log_types):
                continue
            if question.ask is not None:
                yield from self._compiled(book, question, question.ask, log_type)
                continue
            if not _holes(question) <= terms.keys():
                continue
            prefix = book.playbook if book.every_alert or question.table else table_of(log_type)
            yield PlaybookQuestion(
                key=f"{prefix}.{question.id}",
                playbook=book,
                definition=question,
                log_type=log_type,
                database=question.database,
                table=question.table or table_of(log_type),
                _parsed=partial(self._template, book, question, log_type),
            )

    def _compiled(self, book: Playbook, question: Question, ask: Ask, log_type: str) -> Iterator[PlaybookQuestion]:
        """A question that is a value, to each of its logs that has the terms it needs."""
        for name in ask.logs:
            own = name == OWN
            terms = self._own_terms(log_type) if own else ()
            try:
                compiled = compile_question(ask, log_type if own else name, database=question.database, terms=terms)
            except NotAskable:
                continue
            prefix = table_of(log_type) if own else book.playbook
            yield PlaybookQuestion(
                key=f"{prefix}.{question.id}",
                playbook=book,
                definition=question.model_copy(update={"parameters": tuple(compiled.parameters)}),
                log_type=compiled.log_type if own else log_type,
                database=compiled.database,
                table=compiled.table,
                _parsed=partial(getattr, compiled, "template"),
                compiled=compiled,
            )

    def _own_terms(self, log_type: str) -> OwnTerms:
        """The terms that a playbook gives for a log type, with what follows from them; empty where none does."""
        if any(book.terms and any_glob(log_type, book.log_types) for book in self.books):
            return tuple((name, term.sql) for name, term in self.terms_of(log_type).items())
        return ()

    def _template(self, book: Playbook, question: Question, log_type: str) -> QueryTemplate:
        place = (book.playbook, question.id, log_type.casefold())
        if place not in self._templates:
            # Already tried with sample values: at load, or by a test for those that ship.
            self._templates[place] = _parse(question, _fill(question, log_type, self.terms_of(log_type)), tried=False)
        return self._templates[place]


def _holes(question: Question) -> set[str]:
    """The terms that a question's SQL needs."""
    return set(_HOLE.findall(question.sql)) - {"table", *question.optional_terms}


def _fill(question: Question, log_type: str, terms: Mapping[str, Term]) -> str:
    """A question's SQL for one log type."""
    given = dict.fromkeys(question.optional_terms, "NULL::string") | {name: term.sql for name, term in terms.items()}
    sql = _HOLE.sub(lambda hole: f"({given[hole.group(1)]})" if hole.group(1) in given else hole.group(0), question.sql)
    return sql.replace("{table}", f"{question.database}.public.{question.table or table_of(log_type)}")


def load_playbooks(directories: Sequence[Path], *, proven: Collection[Path] = ()) -> Playbooks:
    """Read every `*.yaml` of the directories, in order of directory and name.

    A playbook of a later directory replaces one of the same name.

    Args:
        directories: Where the playbooks are.
        proven: Those of the directories whose queries are known to be bounded reads, such as the shipped one, which
            the tests prove. Their queries are parsed, with the same checks, when they are first wanted: parsing all
            of them takes longer than most commands.

    Raises:
        ConfigError: One line with the file, the line and what is wrong: bad YAML, an unknown key, a query that is not
            one bounded read.
    """
    sources: dict[str, tuple[Playbook, YamlFile]] = {}
    for directory in directories:
        if not directory.is_dir():
            raise ConfigError(f"{directory}: there is no such directory of playbooks")
        for path in sorted(directory.glob("*.yaml")):
            book, file = _read(path)
            sources[book.playbook] = (book, file)
    playbooks = Playbooks(tuple(book for book, _ in sources.values()))
    own = [book for book, file in sources.values() if Path(file.name).parent not in proven]
    own_log_types = [log_type for book in own if book.terms for log_type in book.log_types]
    for book, file in sources.values():
        if book in own:
            _check_terms(book, file)
    for book, file in sources.values():
        for index, question in enumerate(book.questions):
            place: YamlPath = ("questions", index, "sql")
            _check_question(book, question, file, place)
            for log_type in (
                ()
                if question.ask is not None
                else _samples(playbooks, book, question, own_log_types, proven=book not in own)
            ):
                _check_sql(question, _fill(question, log_type, playbooks.terms_of(log_type)), file, place)
    return playbooks


def _check_terms(book: Playbook, file: YamlFile) -> None:
    if book.terms and any(character in name for name in book.log_types for character in "*?["):
        raise file.error(("log_types",), "a playbook with terms names its log types in full, without wildcards")
    for name, term in book.terms.items():
        sql = (
            f"SELECT ({term.sql}) AS term FROM panther_logs.public.any_table WHERE p_event_time BETWEEN :start AND :end"  # noqa: S608 - only parsed, to check the author's own SQL
        )
        _check_sql(None, sql, file, ("terms", name, "sql"))


def _check_question(book: Playbook, question: Question, file: YamlFile, place: YamlPath) -> None:
    if question.ask is not None:
        if book.every_alert and OWN in question.ask.logs:
            raise file.error(place[:-1], "a question of every alert names its logs")
        return
    holes = _holes(question)
    unknown = sorted(holes - {*TERMS, *DERIVED_TERMS})
    if unknown:
        raise file.error(place, f"unknown term {{{unknown[0]}}}; known: {', '.join(TERMS)}, table")
    if book.every_alert and not book.asked_of and (question.table is None or holes):
        raise file.error(place, "a question of every alert names its own table and uses no terms")


def _samples(
    playbooks: Playbooks, book: Playbook, question: Question, own_log_types: Sequence[str], *, proven: bool
) -> list[str]:
    """The log types with which a question's SQL must be parsed before it may be asked.

    A question with terms is parsed with one log type's only, since each term is parsed by itself. A proven question is
    parsed again only with terms that its author has not seen.
    """
    holes = _holes(question)
    if not holes:
        return [] if proven else [_SAMPLE_LOG_TYPE]
    known = own_log_types if proven else [*own_log_types, *(file.log_type for file in logtypes.shipped_log_types())]
    fitting = [
        log_type
        for log_type in known
        if any_glob(log_type, book.log_types) and holes <= playbooks.terms_of(log_type).keys()
    ]
    return fitting if proven else fitting[:1]


def _parse(question: Question | None, sql: str, *, tried: bool = True) -> QueryTemplate:

    names = question.parameters if question is not None else ()
    types = {name: ParameterType.STRINGS if name in LISTS else ParameterType.STRING for name in names}
    types |= {name: ParameterType.TIMESTAMP for name in names if name in TIMES}
    return QueryTemplate.parse(sql, parameters=types, tried=tried)


def _check_sql(question: Question | None, sql: str, file: YamlFile, place: YamlPath) -> None:
    """Refuse SQL that is not one bounded read. Raises ConfigError, with the line within a block of text."""

    try:
        _parse(question, sql)
    except SqlRefused as error:
        line = file.text_line(place) + error.line - 1 if error.line else file.line(place)
        said = re.sub(r"^line \d+: ", "", str(error))
        name = f"question {question.id}" if question is not None else "the term"
        raise YamlError(f"{name}: {said}", name=file.name, line=line) from error


def _read(path: Path) -> tuple[Playbook, YamlFile]:
    file = read_yaml(path)
    if not isinstance(file.value, dict):
        raise file.error((), "a playbook holds keys such as `playbook:` and `questions:`")
    book = file.validate(Playbook)
    ids = [question.id for question in book.questions]
    for index, name in enumerate(ids):
        if name in ids[:index]:
            raise file.error(("questions", index, "id"), f"question {name} is given twice; keep one")
    return book, file
