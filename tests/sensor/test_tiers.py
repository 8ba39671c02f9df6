"""Which programs are attached for which events."""

import pytest

from profguard.sensor import attach, tiers


@pytest.fixture(scope="module")
def sections():
    return {tier: attach.compiled(tier) for tier in tiers.ORDER}


@pytest.mark.parametrize(
    ("events", "hooks"),
    [
        ({"proc_mem_open"}, {"fentry/mem_open", "fexit/mem_open"}),
        ({"tracefs_write"}, {"fexit/vfs_open"}),
        (
            {"proc_mem_open", "tracefs_write"},
            {"fentry/mem_open", "fexit/mem_open", "fexit/vfs_open"},
        ),
        ({"ptrace"}, set()),
    ],
    ids=["of one file", "of all files", "both", "neither"],
)
def test_what_serves_no_event_that_is_wanted_is_not_attached(sections, events, hooks):
    """An open of some file passes a probe only if there is an event that needs that."""
    probes = tiers.flavours(sections, events)
    opens = probes.get("opens", {}).get("fentry", [])
    assert {program.hook for program in opens} == hooks
