"""Python that rules share: global helpers and data models. It changes rarely, so each answer serves for a while."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Generic, TypeVar

from triage.domain.detection import DataModel, FieldMapping
from triage.edges.panther.rest import Rest
from triage.edges.panther.wire import Id, Text, Texts, Wire, read_each
from triage.errors import NotFound, PantherDenied
from triage.ports import Clock

T = TypeVar("T")
KEEP_SECONDS = 3_600.0
MAX_KEPT = 64
"""Helpers of which the text is kept."""
_MAX_PAGES = 10
"""Of data models."""
_logger = logging.getLogger(__name__)


class MappingNode(Wire):
    """`DataModelAPI.DataModelMapping`."""

    name: Text = ""
    path: Text = ""
    method: Text = ""


class DataModelNode(Wire):
    """`DataModelAPI.DataModel`."""

    id: Id
    log_types: Texts = ()
    enabled: bool = True
    mappings: tuple[MappingNode, ...] = ()
    body: Text = ""


class _Kept(Generic[T]):
    """Answers by name, each good for a while."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answers: dict[str, tuple[float, T]] = {}

    async def get(self, name: str, ask: Callable[[], Awaitable[T]]) -> T:
        kept = self._answers.get(name)
        if kept is not None and self._clock.monotonic() - kept[0] < KEEP_SECONDS:
            return kept[1]
        answer = await ask()
        if len(self._answers) >= MAX_KEPT and name not in self._answers:
            del self._answers[min(self._answers, key=lambda each: self._answers[each][0])]
        self._answers[name] = (self._clock.monotonic(), answer)
        return answer


class RuleCode:
    """Reads shared Python. Source: Panther REST definition, `/globals/{id}`, `/data-models`.

    A token that may not read them finds none: a rule can be understood without.
    """

    def __init__(self, rest: Rest, clock: Clock) -> None:
        self._rest = rest
        self._helpers = _Kept[str](clock)
        self._models = _Kept[tuple[DataModel, ...]](clock)

    async def helper(self, name: str) -> str:
        """The text of a global; empty where there is none. Raises PantherError."""

        async def ask() -> str:
            try:
                found = await self._rest.get("/globals/{}", name)
            except (NotFound, PantherDenied):
                return ""
            body = found.get("body")
            return body if isinstance(body, str) else ""

        return await self._helpers.get(name, ask)

    async def data_models(self) -> tuple[DataModel, ...]:
        """Every data model, of the first pages. Raises PantherError."""
        return await self._models.get("", self._list)

    async def _list(self) -> tuple[DataModel, ...]:
        found: list[DataModel] = []
        read = 0
        try:
            async with aclosing(self._rest.pages("/data-models")) as pages:
                async for results in pages:
                    found += [_model(node) for node in read_each(DataModelNode, results, "data model")]
                    read += 1
                    if read == _MAX_PAGES:
                        _logger.warning("data models are read up to page %d; the rest is left out", read)
                        break
        except PantherDenied:
            return ()
        return tuple(found)


def _model(node: DataModelNode) -> DataModel:
    return DataModel(
        id=node.id,
        log_types=node.log_types,
        enabled=node.enabled,
        mappings=tuple(
            FieldMapping(name=each.name, path=each.path, method=each.method) for each in node.mappings if each.name
        ),
        body=node.body,
    )
