"""What Panther itself holds on an address or a person, from the event or the profile to the verdict."""

from typing import Any

import pytest

from tests.integration.true_evidence.world import AT, DAY, HOUR, NOW, OUTSIDE, Found, World, okta, triaged
from triage.domain.verdict import Disposition

OKTA = "Okta.SystemLog"
TOR = {"tor_exit_nodes": {"client.ipAddress": {"ip": OUTSIDE, "p_match": OUTSIDE}}}
CLEAN = {"greynoise_riot": {"client.ipAddress": {"name": "Example Cloud", "p_match": OUTSIDE}}}
RECENT = NOW - 3 * HOUR


def event(world: World, person: str, **more: Any) -> dict[str, Any]:
    return world.log(OKTA, RECENT, okta(f"{person}@acme.example", "user.session.access_admin_app", OUTSIDE, **more))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Found]:
    folder = tmp_path_factory.mktemp("intelligence")
    world = World()
    for name, enrichment in (("tor", TOR), ("clean", CLEAN), ("nothing", None)):
        more = {"p_enrichment": enrichment} if enrichment else {}
        world.alert(name, OKTA, event(world, name, **more), at=RECENT)
    for name, word in (("left", "terminated"), ("stayed", "active")):
        world.alert(name, OKTA, event(world, name), at=RECENT)
        world.profiles.append(
            {"entityId": f"p-{name}", "emails": [f"{name}@acme.example"], "employmentStatus": [word], "departments": ["Finance"],
             "firstObservedAt": (AT - 300 * DAY).isoformat()}
        )  # fmt: skip
    done = triaged(folder, world, more="investigation: {actor_profiles: true}\n")
    assert not done.failed
    return dict(done.found)


def test_a_tor_exit_is_a_fact_with_its_source(found: dict[str, Found]) -> None:
    """It stands beside the other facts, bears its flag, and the alert is not closed."""
    assert found["tor"].facts["tor_exit"].sentence == (
        f"{OUTSIDE} is a Tor exit node (Panther lookup tor_exit_nodes, {RECENT:%Y-%m-%d})."
    )
    assert found["tor"].verdict in (Disposition.SUSPICIOUS, Disposition.MALICIOUS)


def test_a_harmless_lookup_changes_nothing(found: dict[str, Found]) -> None:
    """The verdict with it is the one without any lookup, and so is its confidence."""
    clean, nothing = (found[name].investigation.verdict for name in ("clean", "nothing"))
    assert "known_service" in found["clean"].facts
    assert (clean.disposition, clean.confidence) == (nothing.disposition, nothing.confidence)


def test_a_profile_of_somebody_who_left_is_a_fact(found: dict[str, Found]) -> None:
    """The row shows what Panther knows of the person; of somebody who is employed it is no more than that."""
    assert "has left" in found["left"].facts["departed"].sentence
    assert "departed" not in found["stayed"].facts
    (entry,) = [each for each in found["stayed"].investigation.evidence if each.key == "profiles"]
    assert entry.rows[0]["departments"] == ["Finance"]
    stayed, nothing = (found[name].investigation.verdict for name in ("stayed", "nothing"))
    assert (stayed.disposition, stayed.confidence) == (nothing.disposition, nothing.confidence)
