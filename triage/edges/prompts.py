"""The templates of `prompts/`: rendered in a sandbox, every variable required."""

import hashlib
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import cast

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import JsonValue

from triage.domain.untrusted import visible, visible_json
from triage.errors import PromptError
from triage.resources import shipped

_HTML = (".html.j2", ".html")


class TemplatePrompts:
    """Implements `ports.Prompts`. Make one with `load_prompts`."""

    def __init__(self, directories: tuple[Path, ...]) -> None:
        """Look for templates in `directories`, the first that has one wins."""
        self._directories = directories
        self._environment = ImmutableSandboxedEnvironment(
            loader=ChoiceLoader([FileSystemLoader(directory) for directory in directories]),
            undefined=StrictUndefined,
            # A prompt is plain text whose data goes through `json`; a page in HTML is escaped.
            autoescape=lambda name: name is not None and name.endswith(_HTML),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
            auto_reload=False,
        )
        self._environment.filters["json"] = _json
        self._environment.filters["visible"] = _visible

    @property
    def names(self) -> tuple[str, ...]:
        """All templates, sorted."""
        return tuple(sorted(self._environment.list_templates(extensions=["j2"])))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the names and sources of all templates, in hexadecimal."""
        digest = hashlib.sha256()
        for name in self.names:
            source = self._source(name).encode()
            digest.update(f"{name}\0{len(source)}\0".encode())
            digest.update(source)
        return digest.hexdigest()

    def render(self, name: str, variables: Mapping[str, object]) -> str:
        """Fill one template.

        Args:
            name: File name, such as `system.md.j2`.
            variables: Everything that it may name; text in it is inserted as it is.

        Raises:
            PromptError: The template is missing or broken, or names a variable that is not given.
        """
        try:
            return self._environment.get_template(name).render(dict(variables))
        except TemplateNotFound as error:
            raise PromptError(f"prompts/{error.name}: there is no such template") from error
        except TemplateError as error:
            line = getattr(error, "lineno", None)
            place = f", line {line}" if line else ""
            raise PromptError(f"prompts/{name}{place}: {error.message or type(error).__name__}") from error
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # An expression of the template does something wrong with its values.
            raise PromptError(f"prompts/{name}: {type(error).__name__}: {error}") from error

    def check(self) -> None:
        """Parse every template. Raises PromptError for the first that is broken."""
        for name in self.names:
            try:
                self._environment.get_template(name)
            except TemplateError as error:
                line = getattr(error, "lineno", None) or 1
                raise PromptError(f"prompts/{name}, line {line}: {error.message or type(error).__name__}") from error

    def _source(self, name: str) -> str:
        assert self._environment.loader is not None
        try:
            return self._environment.loader.get_source(self._environment, name)[0]
        except (TemplateNotFound, OSError, UnicodeDecodeError) as error:
            raise PromptError(f"prompts/{name}: cannot be read as UTF-8 text") from error


def load_prompts(directory: str | Path = "") -> TemplatePrompts:
    """Load the shipped templates, after those of the user.

    Args:
        directory: `investigation.prompts`: a template there replaces the shipped one of the same name. Empty for none.

    Raises:
        PromptError: The directory does not exist, or a template cannot be parsed.
    """
    if not directory:
        return _shipped_prompts()
    own = Path(directory).expanduser()
    if not own.is_dir():
        raise PromptError(f"investigation.prompts: {own} is not a directory")
    return _checked((own, shipped()))


@cache
def _shipped_prompts() -> TemplatePrompts:
    # Once per process: compiling them takes longer than replaying a record.
    return _checked((shipped(),))


def _checked(directories: tuple[Path, ...]) -> TemplatePrompts:
    prompts = TemplatePrompts(directories)
    prompts.check()
    return prompts


def _json(value: object) -> str:
    """Write data as JSON whose invisible characters and angle brackets are escapes."""
    return visible_json(cast("JsonValue", value))


def _visible(value: object) -> str:
    return visible(str(value))
