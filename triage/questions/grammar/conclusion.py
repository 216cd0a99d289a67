"""What a noun phrase comes to, once all of its items are read."""

from triage.domain.question import Subject, SubjectRole
from triage.questions.grammar import things
from triage.questions.grammar.book import Book
from triage.questions.grammar.elements import Noun
from triage.questions.grammar.kinds import Part, kinds_of, shared


def conclude(noun: Noun, parts: list[Part], book: Book, *, of_rules: bool, certain: bool) -> None:
    """Say in a noun whether its items are acts, things or the alert's own target.

    Args:
        noun: Has the parties and the logs already.
        parts: The items.
        book: What the names can refer to.
        of_rules: The names are detections' ids.
        certain: A name that could be an action's is one.
    """
    if of_rules:
        # `Some.Rule.Id or other alerts`
        noun.rules += [action for part in parts for action in part.actions]
        return
    if not certain:
        noun.unknown += [action for part in parts for action in part.actions]
    elif any(part.says_act or part.outcome for part in parts):
        kinds = kinds_of(shared(parts), book)
        noun.acts = kinds is not None
        noun.kinds = kinds or ()
        if kinds is None:
            noun.unknown.append(" ".join(word for part in parts for word in part.objects) or "act")
    elif parts and noun.this and len(parts) == 1 and parts[0].objects[-1:] and parts[0].objects[-1] in things.WHOLES:
        noun.unknown.append(parts[0].objects[-1])  # `this account`: where it was done, not what it was done to
    elif parts and noun.this and len(parts) == 1:
        noun.subjects.append(Subject(role=SubjectRole.TARGET))  # `this workspace`
    elif noun.logs and len(parts) == 1 and " ".join(parts[0].objects) in book.called:
        noun.scope = book.called[" ".join(parts[0].objects)]
    elif parts:
        noun.things = tuple("|".join(part.objects) for part in parts)
