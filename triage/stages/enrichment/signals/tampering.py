"""The alert's own acts that switch a log or a protection off: whoever does that next acts unseen."""

import re
from collections.abc import Iterator

from triage.domain.clean import plain
from triage.domain.signal import Signal
from triage.logtypes import Harm, is_override, tells_harmless_calls
from triage.stages.enrichment.signals.calls import alert_events, harm_of_alert
from triage.stages.enrichment.signals.facts import Facts, signal
from triage.stages.enrichment.signals.wording import on_object

_CHANGE = re.compile(r"(?i)(?<![a-z])(update|alter|set|put|modify|edit|change)|(?:update|write|change)d?$")
_LESS = re.compile(r"(?i)(dis|off|stop|delet|remov|destroy|suspend|detach|unset|bypass|reset|deactivat|purg|drop)")
SERIOUS = 0.7
"""From here on the log type's file calls such an act rare."""


def switched_off(facts: Facts) -> Iterator[tuple[str, float]]:
    """The alert's acts that switch a log or a protection off or weaken it, with how serious that is."""
    for action in facts.actor.actions:
        harm = harm_of_alert(facts, facts.actor.log_type, action)
        if harm is not None and harm.harm is Harm.EVASION and harm.seriousness >= SERIOUS:
            yield action, harm.seriousness


def protections(facts: Facts) -> Iterator[Signal]:
    """A log or a protection was switched off or weakened, or passed once, as far as the call's parameters tell."""
    if not facts.actor.log_type or facts.actor.refused:
        return
    entries = list(dict.fromkeys(entry.id for _, entry in alert_events(facts)))
    cited = [entry for entry in facts.evidence if entry.id in entries]
    for action, seriousness in switched_off(facts):
        if cited:
            on = on_object(facts.actor.targets[0]) if len(facts.actor.targets) == 1 else ""
            if _says_only_that_it_changed(action) and not tells_harmless_calls(facts.actor.log_type, action):
                sentence = (
                    f"{facts.who} changed what protects or logs with {plain(action)}{on}, which may have weakened it."
                )
                yield signal("protection_changed", sentence, cited, scale=seriousness)
                return
            once = is_override(facts.actor.log_type, action)
            what = "went past a protection once" if once else "switched off or weakened a log or a protection"
            name = "protection_passed" if once else "protection_off"
            yield signal(name, f"{facts.who} {what} with {plain(action)}{on}.", cited, scale=seriousness)
            return


def _says_only_that_it_changed(action: str) -> bool:
    """Whether the name of an act leaves open which way a setting went."""
    return _CHANGE.search(action) is not None and _LESS.search(action) is None
