"""Sends the questions of one call of `ask`: in as few statements as the lake takes, or one by one where that fails."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from triage.domain.sql.batch import batch_queries, in_order, split_batch
from triage.errors import QueryFailed, QueryTimeout
from triage.ports import Lake, QueryLimits, QueryResult
from triage.questions import BoundQuestion

_AT_ONCE = 4
"""Statements of one call at the same time."""
_FEW = 3
"""Up to how many questions of a statement that failed are sent one by one."""


@dataclass(slots=True)
class Sender:
    """One call's statements and their answers."""

    lake: Lake
    limits: QueryLimits
    """Of each question."""
    batch: int
    """The most questions in one statement; 1: each on its own."""
    answers: dict[str, QueryResult | str] = field(default_factory=dict)
    """By SQL: the answer, or why there is none."""
    queries: int = 0
    bytes: int = 0

    async def send(self, questions: Sequence[BoundQuestion], controls: Sequence[BoundQuestion]) -> None:
        """Send all, each statement once.

        Args:
            questions: What is asked.
            controls: Whether anyone's acts fit; those that don't go with the questions are sent only for a question
                without rows.

        Raises:
            PantherError: Panther doesn't answer.
        """
        wanted = {each.query.sql: each for each in (*questions, *controls)}
        fit = [each for each in wanted.values() if each.compiled.template.row_order]
        if self.batch > 1:
            for start in range(0, len(fit), self.batch):
                await self._send_batch(fit[start : start + self.batch])
        await self._send_each(questions)
        if any(isinstance(found, QueryResult) and not found.row_count for found in self.answers.values()):
            await self._send_each(controls)

    async def _send_batch(self, questions: Sequence[BoundQuestion]) -> None:
        """Send several in one statement. Where it is cut, nobody knows whose rows are missing."""
        if len(questions) < 2:  # noqa: PLR2004 - one question is sent as it is
            return
        templates = [each.compiled.template for each in questions]
        query = batch_queries(
            [(each.query, template.columns) for each, template in zip(questions, templates, strict=True)]
        )
        self.queries += 1
        limits = QueryLimits(rows=query.limit, bytes=self.limits.bytes * len(questions), seconds=self.limits.seconds)
        try:
            result = await self.lake.run_query(query, limits=limits)
            if result.truncated:
                return
            split = split_batch(result.rows, [template.columns for template in templates])
        except QueryTimeout:
            # Halves that wait as long again would cost minutes.
            return
        except (QueryFailed, ValueError):
            if len(questions) > _FEW:
                # One of them spoils it: halves find out which in fewer statements than one for each.
                half = len(questions) // 2
                await self._send_batch(questions[:half])
                await self._send_batch(questions[half:])
            return
        self.bytes += result.bytes
        for each, template, rows in zip(questions, templates, split, strict=True):
            self.answers[each.query.sql] = QueryResult(
                columns=template.columns,
                rows=tuple(in_order(rows, template.columns, template.row_order)),
                row_count=len(rows),
                truncated=False,
                bytes=result.bytes // len(questions),
                seconds=result.seconds,
            )

    async def _send_each(self, questions: Sequence[BoundQuestion]) -> None:
        """Send those without an answer by themselves."""
        slots = asyncio.Semaphore(_AT_ONCE)
        left = {each.query.sql: each for each in questions if each.query.sql not in self.answers}

        async def one(bound: BoundQuestion) -> None:
            async with slots:
                self.queries += 1
                try:
                    result = await self.lake.run_query(bound.query, limits=self.limits)
                except (QueryFailed, QueryTimeout) as error:
                    self.answers[bound.query.sql] = str(error)
                    return
                self.bytes += result.bytes
                rows = tuple({name.lower(): value for name, value in row.items()} for row in result.rows)
                self.answers[bound.query.sql] = QueryResult(
                    columns=tuple(name.lower() for name in result.columns),
                    rows=rows,
                    row_count=result.row_count,
                    truncated=result.truncated,
                    bytes=result.bytes,
                    seconds=result.seconds,
                )

        failures = await asyncio.gather(*map(one, left.values()), return_exceptions=True)
        for failure in failures:
            if failure is not None:
                raise failure
