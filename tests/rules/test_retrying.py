from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pms_lab.errors import (
    AuthRefused,
    BadAnswer,
    BreakerOpen,
    HostRefused,
    NotSent,
    PmsError,
    PmsFailed,
    PmsRefused,
    SettingsError,
    Throttled,
    Unanswered,
)
from pms_lab.rules.retrying import RetryPolicy, is_worth_repeating, retry_after_s, wait_before

NOW = datetime(1994, 11, 6, 8, 49, 27, tzinfo=UTC)

policies = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 20),
    first_wait_s=st.floats(0, 30),
    factor=st.floats(1, 10),
    jitter=st.floats(0, 0.5),
    longest_wait_s=st.just(30.0),
)


@pytest.mark.parametrize(
    ("error", "is_worth"),
    [
        (Unanswered("timeout"), True),
        (NotSent("refused connection"), True),
        (HostRefused("not listed"), False),
        (BreakerOpen("open"), False),
        (Throttled("429", status=429), True),
        (PmsFailed("500", status=500), True),
        (PmsFailed("501", status=501), False),
        (PmsFailed("502", status=502), True),
        (PmsFailed("503", status=503), True),
        (PmsFailed("504", status=504), True),
        (PmsFailed("505", status=505), False),
        (PmsRefused("404", status=404), False),
        (AuthRefused("401", status=401), False),
        (BadAnswer("timeout"), False),
    ],
)
def test_the_kind_of_an_error_decides_whether_it_is_worth_repeating(error: PmsError, is_worth: bool) -> None:
    assert is_worth_repeating(error) is is_worth


@pytest.mark.parametrize(
    ("failures", "jitter_share", "asked_s", "wait_s"),
    [
        (1, 0.0, None, 1.0),
        (2, 0.0, None, 2.0),
        (1, 0.5, None, 1.25),
        (2, 0.999, None, 2.999),
        (3, 0.0, None, None),
        (1, 0.0, 7.0, 7.0),
        (2, 0.0, 0.0, 2.0),
        (1, 0.0, 30.0, 30.0),
        (1, 0.0, 30.1, None),
        (3, 0.0, 1.0, None),
    ],
)
def test_a_wait_doubles_grows_by_jitter_and_is_never_shorter_than_the_pms_asked_for(
    failures: int, jitter_share: float, asked_s: float | None, wait_s: float | None
) -> None:
    assert wait_before(RetryPolicy(), failures, jitter_share, asked_s) == pytest.approx(wait_s)


@given(policies, st.integers(1, 20), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 1e6))
def test_no_wait_is_longer_than_the_longest_nor_shorter_than_what_the_pms_asked_for(
    policy: RetryPolicy, failures: int, jitter_share: float, asked_s: float | None
) -> None:
    wait_s = wait_before(policy, failures, jitter_share, asked_s)
    if wait_s is None:
        assert failures >= policy.attempts or (asked_s or 0) > policy.longest_wait_s
    else:
        assert (asked_s or 0) <= wait_s <= policy.longest_wait_s


@pytest.mark.parametrize(
    "wrong", [{"attempts": 0}, {"factor": 0.5}, {"jitter": 0.6}, {"first_wait_s": 31.0}, {"first_wait_s": -1.0}]
)
def test_a_policy_outside_its_bounds_is_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        RetryPolicy(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        (None, None),
        ("", None),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("٣", None),
        ("soon", None),
        ("9" * 9, 999999999.0),
        ("9" * 5000, None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 10.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 10.0),
        ("Sun Nov  6 08:49:37 1994", 10.0),
        ("Sun, 06 Nov 1994 08:49:17 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 +99999999999999999", None),
        ("Sun, 31 Feb 1994 08:49:37 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_one_of_three_dates(header: str | None, wait_s: float | None) -> None:
    assert retry_after_s(header, NOW) == wait_s


@given(st.text(st.characters(max_codepoint=0x2FF)) | st.from_regex(r"\w{3}, \d{1,9} \w{3} \d{1,9} [\d:]{1,20} ?.{0,9}"))
def test_no_header_breaks_the_reading(header: str) -> None:
    wait_s = retry_after_s(header, NOW)
    assert wait_s is None or wait_s >= 0


@given(st.integers(0, 10**9))
def test_a_date_is_read_as_it_was_written(ahead_s: int) -> None:
    at = datetime.fromtimestamp(NOW.timestamp() + ahead_s, UTC)
    assert retry_after_s(format_datetime(at, usegmt=True), NOW) == ahead_s
