"""What model calls cost, and whether the day's budget allows another."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from triage.ports import ChatReply, Claim, Clock, Ledger, Spend
from triage.settings import Settings
from triage.stages.model_calls import cost_of

RESERVE = 0.05
"""Share of a day's budget reserved for concluding turns: without one, the findings would be lost."""


@dataclass(slots=True)
class PendingSpend:
    """What the calls in progress in this process may still cost; one instance serves all its alerts."""

    tokens: int = 0
    money: float = 0.0


@dataclass(frozen=True, slots=True)
class StoreMeter:
    """Implements `ports.Meter` for one claim, over the store that all processes share."""

    ledger: Ledger
    claim: Claim
    clock: Clock
    settings: Settings
    pending: PendingSpend = field(default_factory=PendingSpend)

    @asynccontextmanager
    async def admit(self, estimate: Spend, *, concluding: bool) -> AsyncIterator[str]:
        """Hold an estimate against the day's budget; see `ports.Meter`.

        Calls in progress in other processes are not seen, so together they may exceed the budget by one call each.
        """
        refusal = await self.refusal(estimate, concluding=concluding)
        if refusal:
            yield refusal
            return
        self.pending.tokens += estimate.tokens
        self.pending.money += estimate.money
        try:
            yield ""
        finally:
            self.pending.tokens -= estimate.tokens
            self.pending.money -= estimate.money

    async def refusal(self, estimate: Spend, *, concluding: bool) -> str:
        """Why the day's budget refuses a call of this size; empty if it doesn't. Raises StoreError."""
        limits = self.settings.investigation
        if not limits.daily_tokens and not limits.daily_money:
            return ""
        spent = await self.ledger.spent(since=midnight(self.clock.now()))
        share = 1.0 if concluding else 1.0 - RESERVE
        if limits.daily_tokens:
            wanted = spent.tokens + self.pending.tokens + estimate.tokens
            if wanted > share * limits.daily_tokens:
                return f"the day's budget of {limits.daily_tokens} tokens is used up"
        if limits.daily_money:
            wanted_money = spent.money + self.pending.money + estimate.money
            if wanted_money > share * limits.daily_money:
                currency = self.settings.llm.currency
                return f"the day's budget of {limits.daily_money:g} {currency} is used up"
        return ""

    async def book(self, key: str, reply: ChatReply, estimate: Spend) -> None:
        """Record a call's cost under its journal key, so that a replay books nothing twice. Raises StoreError."""
        spend = cost_of(reply, estimate, self.settings.llm.price)
        await self.ledger.book(self.claim, key, spend, now=self.clock.now())


def midnight(now: datetime) -> datetime:
    """When the day of a moment began, in the moment's own zone: UTC here."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
