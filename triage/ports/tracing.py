"""Where time goes: spans and measurements, for whoever collects them. Names and numbers only, never a text."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import MappingProxyType
from typing import Protocol

Fact = str | int | float | bool
"""A name of ours, an id or a number. A string that is no identifier is not sent."""
NO_FACTS: Mapping[str, Fact] = MappingProxyType({})


class Span(Protocol):
    """Something that takes time."""

    def note(self, facts: Mapping[str, Fact]) -> None:
        """Add what is known by now."""


class Tracer(Protocol):
    """Receives what a run spends its time on."""

    def span(
        self, name: str, facts: Mapping[str, Fact] = NO_FACTS, *, client: bool = False
    ) -> AbstractContextManager[Span]:
        """A span that ends with the block, below the one around it. An exception is noted by its type alone.

        Args:
            name: What is done; no text of an alert.
            facts: By the name of the attribute.
            client: It waits for a server.
        """

    def measure(self, name: str, value: float, facts: Mapping[str, Fact]) -> None:
        """Add a value to a histogram."""


class _NoSpan:
    def note(self, facts: Mapping[str, Fact]) -> None:
        """Nothing is kept."""


class NoTracer:
    """Keeps nothing. Implements `Tracer`."""

    @contextmanager
    def span(self, name: str, facts: Mapping[str, Fact] = NO_FACTS, *, client: bool = False) -> Iterator[Span]:  # noqa: ARG002 - the port's arguments
        """Implements `Tracer.span`."""
        yield _NO_SPAN

    def measure(self, name: str, value: float, facts: Mapping[str, Fact]) -> None:
        """Implements `Tracer.measure`."""


_NO_SPAN = _NoSpan()
NO_TRACER = NoTracer()
