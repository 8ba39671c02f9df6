import pytest
from hypothesis import given
from hypothesis import strategies as st

from profguard.ids import uuid7
from profguard.timefmt import from_rfc3339, rfc3339

LAST_NS = (1 << 63) - 1


@given(st.integers(0, LAST_NS))
def test_a_time_survives_its_text(time_ns):
    """To the nanosecond, in the order of time."""
    text = rfc3339(time_ns)
    assert from_rfc3339(text) == time_ns
    assert rfc3339(LAST_NS) >= text


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01 01:00:00.5+01:00", 500_000_000),
        ("1969-12-31t23:59:59.000000001-00:01", 59_000_000_001),
        ("2024-02-29T00:00:00z", 1_709_164_800_000_000_000),
    ],
)
def test_every_form_of_rfc_3339_is_read(text, time_ns):
    assert from_rfc3339(text) == time_ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-01-31",
        "2026-01-31T12:00:00",  # without a zone it could be any of 38 times
        "2026-02-30T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:00:00.0000000001Z",
        "2026-01-31T12:00:00+99:99",
        "٢٠٢٦-01-31T12:00:00Z",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+23:59",
        "2262-04-12T00:00:00Z",
        "2026-01-31T12:00:00Z\n",
    ],
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="is not a"):
        from_rfc3339(text)


@given(st.integers(0, LAST_NS), st.integers(0, LAST_NS), st.text())
def test_an_id_sorts_by_time_and_is_the_same_again(time_ns, later_ns, seed):
    """A UUIDv7 whose random part comes from time and seed."""
    one = uuid7(time_ns, seed)
    assert one == uuid7(time_ns, seed)
    assert one != uuid7(time_ns, [seed])
    assert (one[14], one[19] in "89ab") == ("7", True)
    if later_ns // 1_000_000 > time_ns // 1_000_000:
        assert uuid7(later_ns, seed) > one


def test_a_hostile_seed_is_no_error():
    assert uuid7(1, "\ud800")
