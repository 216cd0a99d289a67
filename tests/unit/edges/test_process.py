"""Which processes have ended, by the names that they leave in the store."""

from triage.edges.process import has_ended, process_name


def test_a_process_knows_its_name_and_whether_others_live() -> None:
    """This one lives; one with its number but another start, or without a number that is in use, has ended; of other
    hosts, other machines and other forms nothing is known."""
    name = process_name()
    host, _, rest = name.rpartition("/")
    pid, machine, start = rest.split("-")

    assert not has_ended(name)
    assert not has_ended(f"{name}/3")
    assert has_ended(f"{host}/{pid}-{machine}-{int(start) - 1}")
    assert has_ended(f"{host}/{pid}-{machine}-{int(start) - 1}/3")
    assert has_ended(f"{host}/4194999-{machine}-{start}")
    assert not has_ended(f"elsewhere/{pid}-{machine}-1")
    assert not has_ended(f"{host}/{pid}-000000-1")
    assert not has_ended(f"{host}/{pid}")
    assert not has_ended("investigate/0a1b2c3d")
    assert not has_ended("")
