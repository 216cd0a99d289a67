"""The sections of the configuration and their defaults."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from triage.domain.look import Growth
from triage.domain.verdict import Disposition
from triage.settings.replies import RepliesSettings
from triage.settings.routes import RoutesSettings
from triage.settings.section import Section
from triage.settings.values import (
    Duration,
    Interval,
    KindName,
    OptionalEndpoint,
    OptionalSecret,
    OptionalText,
    PantherUrl,
    Pattern,
    QualityName,
    QuietHours,
    SeverityName,
    StatusName,
    SwitchedDuration,
    Tag,
    Zone,
    empty_for_none,
    status_name,
    upper,
)
from triage.settings.web import WebSettings
from triage.settings.webhook import WebhookSettings


class PantherSettings(Section):
    url: PantherUrl
    """The "API URL" shown above Panther's API tokens."""
    token: SecretStr = Field(min_length=1)
    auth: Literal["x-api-key", "bearer"] = "x-api-key"
    rest_url: OptionalEndpoint = ""
    timeout: Interval = timedelta(seconds=30)
    """Total time of one call."""
    requests_per_second: float = Field(default=50.0, gt=0)
    """All calls to Panther together; one alert makes about 50."""
    concurrency: int = Field(default=32, ge=1, le=256)
    """Calls at the same time."""
    lake: Literal["snowflake", "databricks", "athena"] = "snowflake"
    """The SQL dialect of the data lake behind Data Explorer."""


class DedupKey(StrEnum):
    """What alerts of one detection share when they belong to one investigation."""

    TITLE = "title"
    """The title, as in Panther itself."""
    DETECTION = "detection"
    """Nothing else."""
    ENTITIES = "entities"
    """Who acted, and from where."""


class BacklogOrder(StrEnum):
    OLDEST = "oldest"
    NEWEST = "newest"


class IngestSettings(Section):
    poll_interval: Interval = timedelta(seconds=60)
    token_grace: Duration = timedelta(minutes=5)
    """How long `triage run` tries a token that Panther refuses before it ends."""
    lookback: Interval = timedelta(hours=24)
    overlap: Duration = timedelta(minutes=15)
    """How far each poll reaches back before the last one: alerts can appear late."""
    backlog_window: Interval = timedelta(hours=6)
    """A long lookback is read in pieces of this length, each stored before the next."""
    backlog_order: BacklogOrder = BacklogOrder.OLDEST
    recheck: Duration = timedelta(hours=24)
    """Alerts this recent that were skipped for their status are looked at again; 0s turns it off."""
    second_look: SwitchedDuration = timedelta(hours=24)
    """How long after its first verdict an alert is looked at again, where something could not have been seen yet or
    Panther has changed it; `off`: never."""
    statuses: Annotated[tuple[StatusName, ...], BeforeValidator(status_name)] = ("OPEN",)
    severities: Annotated[tuple[SeverityName, ...], BeforeValidator(upper)] = ("CRITICAL", "HIGH", "MEDIUM")
    types: Annotated[tuple[KindName, ...], BeforeValidator(upper)] = ("RULE", "SCHEDULED_RULE", "CORRELATION_RULE")
    log_types: tuple[str, ...] = ()
    """Log types such as `AWS.CloudTrail`; an alert needs at least one of them. Empty: any."""
    detection_id_regex: Pattern = ""
    """Python syntax, searched for in the detection id; empty: any."""
    detections_allow: tuple[str, ...] = ()
    detections_deny: tuple[str, ...] = ()
    min_events: int = Field(default=0, ge=0)
    dedup_window_minutes: float = Field(default=15, ge=0)
    dedup_key: DedupKey = DedupKey.TITLE
    page_size: int = Field(default=50, ge=1, le=50)

    @property
    def growth(self) -> Growth | None:
        """When alerts that Panther has changed are looked at again; `None`: never."""
        return Growth() if self.second_look else None


class Price(Section):
    """What a model costs, per million tokens, in `llm.currency`."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(default=None, ge=0)
    """Input that the server reads from its cache; empty: as `input`."""

    def cost(self, *, prompt: int, completion: int, cached: int = 0) -> float:
        """The cost of these tokens; the `cached` ones are part of `prompt`."""
        again = min(cached, prompt)
        known = self.input if self.cached_input is None else self.cached_input
        return ((prompt - again) * self.input + again * known + completion * self.output) / 1_000_000


OPENAI_URL = "https://api.openai.com/v1"


class QuirkSettings(Section):
    """How an endpoint differs from OpenAI's API. What is left out is learned from its refusals; see `docs/models.md`."""

    output_key: Literal["max_tokens", "max_completion_tokens"] | None = None
    temperature: bool | None = None
    reasoning_effort: bool | None = None
    tool_choice: Literal["named", "required", "auto", "none"] | None = None
    strict: bool | None = None
    closed_schemas: bool | None = None
    unions: bool | None = None
    system_role: Literal["system", "developer", "user"] | None = None
    user_after_tool: bool | None = None
    alternating: bool | None = None
    opaque: bool | None = None
    counts_prompt: bool | None = None


class LlmFallback(StrEnum):
    """Who answers while the model is out of use."""

    NONE = "none"
    """Nobody: alerts wait."""
    OFFLINE = "offline"
    """The offline analyst, who says so in the comment."""


HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]


class LlmSettings(Section):
    base_url: OptionalEndpoint = ""
    """Any OpenAI-compatible endpoint; empty: OpenAI. A query, such as `?api-version=…`, goes with each request."""
    api_key: OptionalSecret = SecretStr("")
    api_key_header: Annotated[str, BeforeValidator(empty_for_none), Field(pattern=r"^[A-Za-z0-9-]*$")] = ""
    """Header that carries the key alone, such as `api-key` for Azure; empty: `Authorization: Bearer`."""
    headers: dict[HeaderName, SecretStr] = Field(default_factory=dict)
    """Further headers of each request, such as a gateway wants."""
    model: OptionalText = "gpt-5-mini"
    timeout: Interval = timedelta(seconds=120)
    max_output_tokens: int = Field(default=4_000, ge=256)
    thinking_tokens: int = Field(default=16_000, ge=0)
    """Output tokens of a second try, where a model has spent `max_output_tokens` without an answer; 0: no second try."""
    reasoning_effort: OptionalText = ""
    """Passed to the endpoint, such as `low`; empty: the model's default."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    fallback: LlmFallback = LlmFallback.NONE
    max_failures: int = Field(default=3, ge=1)
    """Failures of the endpoint in a row after which the model is out of use for `pause`."""
    pause: Duration = timedelta(minutes=5)
    quirks: QuirkSettings = QuirkSettings()
    prices: dict[str, Price] = Field(default_factory=dict)
    """By model name, as in `llm.model`; the cost of a model without a price is unknown and counts as 0."""
    currency: str = "USD"

    @property
    def endpoint(self) -> str:
        """Where alert data goes, if a model is used."""
        return self.base_url or OPENAI_URL

    @property
    def configured(self) -> bool:
        """Whether a key or an endpoint is set."""
        return bool(self.base_url or self.api_key.get_secret_value())

    @property
    def price(self) -> Price | None:
        """What the model costs, where that is known."""
        return self.prices.get(self.model)


class AnalystChoice(StrEnum):
    AUTO = "auto"
    LLM = "llm"
    OFFLINE = "offline"


class AllowedActivity(Section):
    """An activity that the operator has authorised; no other authorisation counts."""

    reason: str = Field(min_length=1)
    """Ticket or sentence; it is quoted in the comment."""
    actors: tuple[str, ...] = ()
    """User names, e-mail addresses, ARNs or service names, compared exactly and without case; empty: anyone."""
    detections: tuple[str, ...] = ()
    """Detection ids; empty: any."""
    addresses: tuple[str, ...] = ()
    """IP addresses or networks; empty: any."""
    until: str = ""
    """ISO date after which the entry no longer counts; empty: it never expires."""


class InvestigationSettings(Section):
    analyst: AnalystChoice = AnalystChoice.AUTO
    concurrency: int = Field(default=4, ge=1, le=1024)
    """Alerts investigated at the same time."""
    query_concurrency: int = Field(default=8, ge=1, le=64)
    """Lake queries of one alert at the same time."""
    questions_per_query: int = Field(default=28, ge=1, le=32)
    """Questions sent to the lake in one statement; 1: each on its own."""
    history: Interval = timedelta(days=30)
    """How far playbook questions look back."""
    dwell: Duration = timedelta(days=14)
    """How long an intruder may have been there unnoticed; what is younger vouches for nobody."""
    max_turns: int = Field(default=8, ge=1)
    max_queries: int = Field(default=64, ge=1)
    """Questions about one alert, of enrichment and of the model; two actors, each with all that is asked of one, fit."""
    max_model_queries: int = Field(default=16, ge=1)
    """Of these, the most that the model asks itself."""
    max_rows: int = Field(default=5_000, ge=1)
    max_bytes: int = Field(default=2_000_000, ge=10_000)
    max_tokens: int = Field(default=200_000, ge=1_000)
    max_seconds: float = Field(default=600, gt=0)
    max_money: float = Field(default=0, ge=0)
    """In `llm.currency`, by `llm.prices`; 0: no limit."""
    daily_tokens: int = Field(default=0, ge=0)
    """All alerts since midnight UTC together; 0: no limit."""
    daily_money: float = Field(default=0, ge=0)
    """All alerts since midnight UTC together; 0: no limit."""
    adjudicate: bool = True
    """A second, short model call judges the proven findings; false: only the rules do."""
    query_seconds: float = Field(default=60, gt=0)
    query_rows: int = Field(default=100, ge=1)
    max_events: int = Field(default=100, ge=1)
    """Events of the alert that are read."""
    actor_profiles: bool = False
    """Panther's profiles of an alert's actors are read, for one more lake query per alert."""
    playbooks: OptionalText = ""
    """A directory with playbooks of your own, added to the shipped ones."""
    runbooks: OptionalText = ""
    """A directory with plans of runbooks, one file per detection; see `docs/runbooks.md`."""
    prompts: OptionalText = ""
    """A directory with templates of your own, in place of the shipped ones of the same name."""
    allowed: tuple[AllowedActivity, ...] = ()
    aliases: tuple[tuple[str, ...], ...] = ()
    """Names of the same person or service, as e-mail address, user name or `kind:value`; see `docs/configuration.md`."""


SectionName = Literal[
    "summary",
    "story",
    "findings",
    "against",
    "unchecked",
    "runbook",
    "entities",
    "techniques",
    "actions",
    "evidence",
    "footer",
]
Decided = Literal["malicious", "suspicious", "benign"]
"""Verdicts that may change an alert's status or assignee; `inconclusive` never does."""


class WritebackSettings(Section):
    enabled: bool = False
    format: Literal["html", "text"] = "html"
    token: OptionalSecret = SecretStr("")
    """A second token with Manage Alerts; empty: the reading token writes."""
    max_chars: int = Field(default=20_000, ge=1_000)
    console_url: OptionalEndpoint = ""
    """Address of your Panther console; alerts are linked there. Empty: no links."""
    length: Literal["brief", "standard", "full"] = "brief"
    """At most 150 words, at most 350, or everything with all SQL."""
    sections: tuple[SectionName, ...] = ()
    """Parts of the comment, in the comment's own order; empty: those of `length`."""
    verdicts: tuple[Disposition, ...] = ()
    """Only these verdicts are written; empty: any."""
    min_severity: Annotated[SeverityName, BeforeValidator(upper)] = "INFO"
    """Alerts below it get no comment."""
    pointers: bool = True
    """A linked alert gets a short comment that names the investigated one."""
    started: bool = False
    """A short comment says that the investigation has begun; it becomes the result."""
    quiet_hours: Annotated[QuietHours, BeforeValidator(empty_for_none)] = ""
    """Such as `22:00-06:00`: what would be written in these hours waits until they are over."""
    timezone: Zone = "UTC"
    """For `quiet_hours`, and for the day of `daily_cap`."""
    daily_cap: int = Field(default=0, ge=0)
    """Comments written per day; 0: no limit."""
    status: dict[Decided, Annotated[StatusName, BeforeValidator(status_name)]] = Field(default_factory=dict)
    """The status an alert gets by its verdict; an empty table leaves statuses to people."""
    status_min_confidence: float = Field(default=0.9, ge=0, le=1)
    status_needs_judge: bool = False
    """Only a verdict that the judge has given, too, moves an alert; the offline analyst's never does."""
    assign: dict[Decided, str] = Field(default_factory=dict)
    """E-mail address of the Panther user who gets an alert, by its verdict."""
    quality: dict[Decided, Annotated[QualityName, BeforeValidator(upper)]] = Field(default_factory=dict)
    """The quality an alert gets by its verdict; empty: it is left to people."""
    tags: dict[Decided, Annotated[tuple[Tag, ...], Field(max_length=10)]] = Field(default_factory=dict)
    """Context tags that an alert gets by its verdict; the tags of another verdict, given earlier, are taken back."""
    audit: OptionalText = "triage-audit.jsonl"
    """File that every write is logged in; empty: none."""

    @field_validator("quality")
    @classmethod
    def _not_noise(cls, value: dict[str, str]) -> dict[str, str]:
        for verdict in ("malicious", "suspicious"):
            if value.get(verdict) == "NOISE":
                raise ValueError(f"NOISE is Panther's word for a useless alert; a {verdict} one can be USEFUL")
        return value

    @field_validator("status")
    @classmethod
    def _not_invalid(cls, value: dict[str, str]) -> dict[str, str]:
        for verdict in ("malicious", "suspicious"):
            if value.get(verdict) == "CLOSED":
                raise ValueError(f'CLOSED is Panther\'s "Invalid"; a {verdict} alert can be OPEN, TRIAGED or RESOLVED')
        return value

    def status_for(self, disposition: Disposition) -> StatusName | None:
        """The status of a verdict; none for `inconclusive`, or without a policy."""
        return next((name for verdict, name in self.status.items() if verdict == disposition.value), None)

    def assignee_for(self, disposition: Disposition) -> str:
        """The e-mail address of the user who gets an alert; empty for none."""
        return next((email for verdict, email in self.assign.items() if verdict == disposition.value), "")

    def quality_for(self, disposition: Disposition) -> QualityName | None:
        """The quality of a verdict; none for `inconclusive`, or without a policy."""
        return next((name for verdict, name in self.quality.items() if verdict == disposition.value), None)

    def tags_for(self, disposition: Disposition) -> tuple[str, ...]:
        """The tags of a verdict; none for `inconclusive`, or without a policy."""
        return next((tags for verdict, tags in self.tags.items() if verdict == disposition.value), ())


class ReportSettings(Section):
    timezone: Zone = "UTC"
    """Of the times in comments, pages and `triage show`; tables and JSON stay in UTC."""


class StoreSettings(Section):
    url: str = "sqlite:///triage.db"
    keep: Duration = timedelta(days=400)
    """Alerts older than this are deleted with their investigations; 0s keeps everything."""


class TelemetrySettings(Section):
    enabled: bool = False
    """Spans and metrics are sent by OTLP to where the OTEL_ variables say; no text of alerts, logs or prompts."""


class Settings(Section):
    """The whole configuration."""

    panther: PantherSettings
    ingest: IngestSettings = IngestSettings()
    llm: LlmSettings = LlmSettings()
    investigation: InvestigationSettings = InvestigationSettings()
    writeback: WritebackSettings = WritebackSettings()
    replies: RepliesSettings = RepliesSettings()
    routes: RoutesSettings = RoutesSettings()
    report: ReportSettings = ReportSettings()
    store: StoreSettings = StoreSettings()
    web: WebSettings = WebSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    webhook: WebhookSettings = WebhookSettings()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every configured token, key and password, which no text may hold."""
        given = (self.panther.token, self.writeback.token, self.llm.api_key, self.web.token, self.webhook.secret)
        password = unquote(urlsplit(self.store.url).password or "")
        return tuple(filter(None, (*(secret.get_secret_value() for secret in given), password, *self.routes.secrets)))

    def offline(self) -> "Settings":
        """The same, where the offline analyst answers whatever is configured."""
        investigation = self.investigation.model_copy(update={"analyst": AnalystChoice.OFFLINE})
        return self.model_copy(update={"investigation": investigation})

    @property
    def uses_llm(self) -> bool:
        """Whether a language model investigates."""
        choice = self.investigation.analyst
        return choice is AnalystChoice.LLM or (choice is AnalystChoice.AUTO and self.llm.configured)
