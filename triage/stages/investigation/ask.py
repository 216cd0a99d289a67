"""The tool `ask`: questions in the one language, compiled, bound to an actor of the alert and sent in one statement.

The model writes no SQL here and names no table. Each question becomes evidence of its own, measured, with its coverage;
one that can't be asked says why and what would be needed, and the others are answered all the same.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from triage.domain.actor_values import ActorValues
from triage.domain.coverage import Coverage
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence
from triage.domain.question import ALERTS, OWN, SIGN_INS, ActionClass, Question, SubjectRole
from triage.errors import PantherError
from triage.logtypes import table_of
from triage.ports import Lake, QueryLimits, QueryResult, Table
from triage.questions import BoundQuestion, NotAskable, bind_question, compile_question, logs_of, own_logs
from triage.questions.binding import LISTS_OF_ROLE, MAX_VALUES
from triage.questions.compiler import LOGS, CompiledQuestion
from triage.questions.matches import MATCHES, SIGNALS
from triage.questions.statement import SHAPES
from triage.settings import InvestigationSettings
from triage.stages.investigation.ask_form import Ask, AskedQuestion, read_question
from triage.stages.investigation.ask_sending import Sender
from triage.stages.investigation.results import refusal, tool_evidence, unanswered_query
from triage.stages.investigation.values import CoverageOf, ToolAnswer

MAX_PARTS = 28
"""Of one call: a question to each of its logs is a part. They go to the lake in two statements, if it takes batches."""
_GROUPS = (OWN, SIGN_INS, ALERTS)
_LOG_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,120}")
_MAX_NAMES = 12
_ANYBODYS = {SubjectRole.OTHERS, SubjectRole.ANYONE}
_REMEDY = "Ask otherwise, or write it as SQL with query_lake if the log has what you need."


@dataclass(frozen=True, slots=True)
class Part:
    """One question to one log."""

    number: int
    """Of the question in the call, from 1."""
    bound: BoundQuestion
    control: BoundQuestion | None
    """Whether anyone's acts fit the filter; `None` where that is known."""
    subject: str
    """Whom of several actors it is about."""
    in_passing: bool = False
    """The log was not named, but is one of those with sign-ins."""

    @property
    def compiled(self) -> CompiledQuestion:
        return self.bound.compiled

    @property
    def log_type(self) -> str:
        return self.compiled.log_type

    @property
    def table(self) -> str:
        """Fully qualified."""
        return f"{self.compiled.database}.public.{self.compiled.table}"


@dataclass(slots=True)
class QuestionDesk:
    """Answers the calls of `ask` for one alert."""

    dossier: Dossier
    lake: Lake
    settings: InvestigationSettings
    coverage: CoverageOf | None
    _tables: dict[str, tuple[Table, ...]] | None = field(default=None)

    async def ask(self, arguments: Ask, limits: QueryLimits) -> ToolAnswer:
        """Ask all that can be asked.

        Args:
            arguments: The call's.
            limits: For the answer to each question.

        Raises:
            PantherError: Panther doesn't answer.
        """
        tables = await self._known_tables()
        parts: list[Part] = []
        problems: list[str] = []
        for number, given in enumerate(arguments.questions, 1):
            read = read_question(given)
            if isinstance(read, str):
                problems.append(f"Question {number} was not asked: {read}.")
                continue
            found, reasons = self._parts(number, *read, tables, limits.rows)
            parts += found
            whole = "was not asked" if not found else "was asked, but not of all"
            problems += [f"Question {number} {whole}: {why}." for why in dict.fromkeys(reasons)]
        parts, left = self._within_room(parts)
        problems += [
            f"Question {number}: one call asks {MAX_PARTS} logs at most; ask in another of {', '.join(names)}."
            for number, names in left.items()
        ]
        if not parts:
            return refusal("\n".join([*problems, _REMEDY]))
        return await self._answer(parts, problems, limits)

    def _within_room(self, parts: Sequence[Part]) -> tuple[list[Part], dict[int, list[str]]]:
        """As many as one call may ask, and the logs that are left, by question.

        The logs that a question names come first, then those of sign-ins that the alert's dossier has asked already: they
        know the person.
        """
        known = {entry.log_type for entry in self.dossier.evidence if entry.answered}
        order = sorted(parts, key=lambda part: (part.in_passing, part.in_passing and part.log_type not in known))
        left: dict[int, list[str]] = {}
        for part in order[MAX_PARTS:]:
            left.setdefault(part.number, []).append(part.log_type)
        return sorted(order[:MAX_PARTS], key=lambda part: part.number), left

    async def _answer(self, parts: Sequence[Part], problems: Sequence[str], limits: QueryLimits) -> ToolAnswer:
        sender = Sender(self.lake, limits, batch=self.settings.questions_per_query)
        await sender.send([part.bound for part in parts], [part.control for part in parts if part.control is not None])
        queries = sender.queries
        if self.coverage is not None:
            queries += await self.coverage.prepare([part.table for part in parts])
        found = []
        for part in parts:
            entry, asked = await self._evidence(part, sender)
            found.append((part, entry))
            queries += asked
        # Of a log that was asked in passing and holds nothing of anyone there is nothing to read or to cite.
        empty = [part for part, entry in found if part.in_passing and entry.coverage.table_has_rows is False]
        entries = [entry for part, entry in found if part not in empty] or [entry for _, entry in found]
        words = [*problems, *_left_out(parts), *self._stands_for(parts)]
        if empty and len(entries) < len(found):
            names = ", ".join(dict.fromkeys(part.log_type for part in empty))
            words.append(f"Asked too, without any rows of anyone in the window: {names}.")
        return ToolAnswer(
            content="\n".join([*words, _REMEDY] if problems else words),
            evidence=entries[0],
            further=tuple(entries[1:]),
            queries=queries,
            bytes=sender.bytes,
            failed=not any(entry.answered for entry in entries),
        )

    # ---- binding -------------------------------------------------------------------------------------------------

    def _parts(
        self,
        number: int,
        wire: AskedQuestion,
        question: Question,
        tables: dict[str, tuple[Table, ...]] | None,
        rows: int,
    ) -> tuple[list[Part], list[str]]:
        """A question to each of its logs, and why it can't be put to some."""
        actors = self._actors()
        if not 1 <= wire.actor <= len(actors):
            return [], [
                f"the alert has {len(actors)} actor{'s' if len(actors) > 1 else ''}; there is no {str(wire.actor)[:20]}"
            ]
        actor = actors[wire.actor - 1]
        reasons: list[str] = []
        names = []
        for name in question.logs:
            known = name if name in _GROUPS else _log_type(name, tables)
            if known:
                names.append(known)
            else:
                reasons.append(_no_log(name, tables))
        question = question.model_copy(update={"logs": tuple(dict.fromkeys(names))})
        there = (
            None
            if tables is None
            else {name: frozenset(each.name.lower() for each in of) for name, of in tables.items()}
        )
        own = own_logs(actor, actors, self.dossier.log_types)
        wanted = [(each, log) for each in _by_logs(question) for log in logs_of(each, own, there)]
        if not wanted and not reasons:
            reasons.append(f"this Panther has none of the logs {', '.join(question.logs)}")
        found = []
        for asked, (log_type, database) in wanted:
            if there is not None and table_of(log_type) not in there.get(database, ()):
                reasons.append(_no_log(log_type, tables))
                continue
            try:
                part = self._part(number, asked, log_type, database, actor, rows)
            except NotAskable as error:
                reasons.append(f"{log_type}: {error.why}" if len(wanted) > 1 else error.why)
            else:
                found.append(replace(part, in_passing=asked.logs == (SIGN_INS,)))
        return found, reasons

    def _part(
        self, number: int, question: Question, log_type: str, database: str, actor: ActorValues, rows: int
    ) -> Part:
        compiled = compile_question(question, log_type, database=database)
        if {subject.role for subject in question.about} == {SubjectRole.OTHERS}:
            # An alert's other actors are no strangers to it.
            actor = _all_of(actor, self.dossier.actors)
        bound = self._bind(compiled, actor, rows)
        companion = compiled.companion
        control = None
        if companion is not None:
            try:
                control = self._bind(companion, actor, rows)
            except NotAskable:
                control = None
        roles = {subject.role for subject in (*question.about, *question.on)}
        of_one = len(self.dossier.actors) > 1 and bool(roles - {None} - _ANYBODYS)
        return Part(number, bound, control, actor.name if of_one else "")

    def _bind(self, compiled: CompiledQuestion, actor: ActorValues, rows: int) -> BoundQuestion:
        return bind_question(
            compiled,
            actor,
            events=self.dossier.events,
            history=self.settings.history,
            dwell=self.settings.dwell,
            now=self.dossier.now,
            limit=min(SHAPES[compiled.question.ask].limit, rows),
        )

    def _actors(self) -> tuple[ActorValues, ...]:
        """Whom a question can be about; an alert whose events name nobody has one without a name."""
        if self.dossier.actors:
            return self.dossier.actors
        alert, log_types = self.dossier.alert, self.dossier.log_types
        last = max(alert.moment, alert.last_event_at or alert.moment)
        return (ActorValues(log_type=log_types[0] if log_types else "", first=alert.moment, last=last),)

    async def _known_tables(self) -> dict[str, tuple[Table, ...]] | None:
        """The tables by database; `None` where Panther can't list those of the logs."""
        if self._tables is None:
            found: dict[str, tuple[Table, ...]] = {}
            for database in (LOGS, MATCHES, SIGNALS):
                try:
                    found[database] = await self.lake.tables(database)
                except PantherError:
                    if database == LOGS:
                        return None
                    found[database] = ()
            self._tables = found
        return self._tables

    def _stands_for(self, parts: Sequence[Part]) -> list[str]:
        """Says where a role stands for the first of many values, which are all that is kept of them."""
        found: dict[str, None] = {}
        for part in parts:
            roles = {subject.role for subject in (*part.compiled.question.about, *part.compiled.question.on)}
            for actor in self._actors():
                for role in roles:
                    count = len(actor.lists.get(LISTS_OF_ROLE[role], ())) if role in LISTS_OF_ROLE else 0
                    if role is not None and count >= MAX_VALUES:
                        said = f"`{role.value}` stands for the {count} values that most of the alert's events have"
                        found[f"Question {part.number}: {said}; name others as `any:…`."] = None
        return list(found)

    # ---- answering -----------------------------------------------------------------------------------------------

    async def _evidence(self, part: Part, sender: Sender) -> tuple[Evidence, int]:
        """The answer to one part, and how many queries its coverage took."""
        bound, compiled = part.bound, part.compiled
        found = sender.answers[bound.query.sql]
        more = {"asked": compiled.question, "subject": part.subject, "measured": True}
        if isinstance(found, str):
            failed = unanswered_query(bound.text, found, bound.query).evidence
            assert failed is not None
            return failed.model_copy(update={**more, "log_type": compiled.log_type}), 0
        entry = tool_evidence(bound.text, found, query=bound.query, log_type=compiled.log_type, window=bound.window)
        # A full answer may have been cut by its LIMIT; then only lower bounds hold.
        cut = found.truncated or found.row_count >= bound.query.limit
        coverage, asked = await self._coverage_of(part, sender) if not cut else (Coverage(), 0)
        # A lake may leave the columns out of an answer without rows.
        more |= {"columns": found.columns or compiled.columns, "truncated": cut, "coverage": coverage}
        return entry.model_copy(update=more), asked

    async def _coverage_of(self, part: Part, sender: Sender) -> tuple[Coverage, int]:
        """What no rows would be worth."""
        bound, compiled = part.bound, part.compiled
        if self.coverage is None:
            return Coverage(), 0
        coverage, queries = await self.coverage(
            part.table, bound.window, control=compiled.control, wanted_end=bound.wanted_end
        )
        coverage = coverage.of_search(value_fits=bound.value_fits, value_found=bound.value_found)
        if compiled.left_out:
            # What the log can't be searched for may be there all the same.
            coverage = coverage.with_control(None).model_copy(update={"proven_until": None})
        if part.control is not None:
            control = sender.answers.get(part.control.query.sql)
            coverage = coverage.with_control(control.row_count if isinstance(control, QueryResult) else None)
        return coverage, queries


def _by_logs(question: Question) -> tuple[Question, ...]:
    """The question to the logs that it names, and to those of sign-ins, where it asks for sign-ins unless it says what for."""
    if SIGN_INS not in question.logs:
        return (question,) if question.logs else ()
    others = tuple(name for name in question.logs if name != SIGN_INS)
    signing_in: dict[str, object] = {"logs": (SIGN_INS,)}
    if not (question.classes or question.actions or question.words):
        signing_in["classes"] = (ActionClass.SIGN_IN,)
    rest = (question.model_copy(update={"logs": others}),) if others else ()
    return (*rest, question.model_copy(update=signing_in))


def _all_of(actor: ActorValues, actors: Sequence[ActorValues]) -> ActorValues:
    """One actor under the names of all: those of the same log as it names them, and whatever else is known of each."""
    names = ("actors", "names", "people", "values")
    lists = {
        name: tuple(
            dict.fromkeys(
                value
                for each in (actor, *actors)
                if name != "actors" or each.log_type == actor.log_type
                for value in each.lists.get(name, ())
            )
        )
        for name in names
    }
    identities = tuple(dict.fromkeys(identity for each in (actor, *actors) for identity in each.identities))
    return actor.model_copy(update={"lists": {**actor.lists, **lists}, "identities": identities})


def _left_out(parts: Sequence[Part]) -> list[str]:
    return [
        f"Question {part.number}, {part.compiled.log_type}: not searched for all that it names, since {why}."
        for part in parts
        for why in part.compiled.left_out
    ]


def _log_type(name: str, tables: dict[str, tuple[Table, ...]] | None) -> str:
    """A log type as this Panther writes it; empty if it has no such log."""
    if not _LOG_TYPE.fullmatch(name):
        return ""
    if tables is None:
        return name
    for table in tables[LOGS]:
        if table.name.lower() == table_of(name):
            return table.log_type or name
    return ""


def _no_log(name: str, tables: dict[str, tuple[Table, ...]] | None) -> str:
    names = [table.log_type or table.name for table in (tables or {}).get(LOGS, ())]
    close = get_close_matches(name[:80], names, n=3, cutoff=0.5) or names[:_MAX_NAMES]
    there = f"; there is {', '.join(close)}" if close else ""
    return f"this Panther has no log {name[:80]!r}{there}"
