"""S3 log sources, which a person may create, change and delete on the command line; nothing else does."""

from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

STREAM_TYPES = ("Auto", "JSON", "JsonArray", "Lines", "XML", "CloudWatchLogs")
"""Source: Panther REST definition of July 2026, `S3SourceAPI.CreateS3Source`."""

NOT_SERVED = "this Panther does not serve /log-sources/s3, which came in July 2026: manage the source in its console"

_Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
_RoleArn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/\S+$")]
_KeyArn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:kms:\S+$")]


class _Body(BaseModel):
    """A JSON object with Panther's names."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class PrefixLogTypes(_Body):
    """Which objects of a bucket are read as what. `S3SourceAPI.PrefixLogTypesMapping`."""

    prefix: str = ""
    """Empty: every object."""
    log_types: tuple[_Text, ...] = Field(min_length=1)
    excluded_prefixes: tuple[str, ...] | None = None


class StreamOptions(_Body):
    """`S3SourceAPI.S3LogStreamTypeOptions`."""

    json_array_envelope_field: str | None = None
    retain_envelope_fields: bool | None = None
    xml_root_element: str | None = None


class S3Settings(_Body):
    """What of an S3 source can be changed. `S3SourceAPI.ModifyS3Source`."""

    integration_label: _Text
    log_processing_role: _RoleArn
    log_stream_type: _Text
    managed_bucket_notifications: bool
    s3_prefix_log_types: tuple[PrefixLogTypes, ...] = Field(min_length=1)
    kms_key: _KeyArn | None = None
    log_stream_type_options: StreamOptions | None = None


class NewS3Source(S3Settings):
    """`S3SourceAPI.CreateS3Source`."""

    aws_account_id: Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
    s3_bucket: _Text


class S3Source(BaseModel):
    """An S3 source as Panther has it. `S3SourceAPI.S3Source`; nothing of it is refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="allow", frozen=True)

    integration_id: str
    integration_label: str = ""
    aws_account_id: str = ""
    s3_bucket: str = ""


class S3Sources(Protocol):
    """Nothing here is retried: after a failure the caller looks before it writes again. Raises PantherError."""

    async def get(self, source_id: str) -> S3Source:
        """Raises NotFound, PantherError."""

    async def create(self, new: NewS3Source) -> S3Source: ...

    async def update(self, source_id: str, settings: S3Settings) -> S3Source: ...

    async def delete(self, source_id: str) -> None: ...
