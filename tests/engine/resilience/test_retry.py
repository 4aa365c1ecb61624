from __future__ import annotations

import pytest

from pms_lab.domain.outcome import Refused, Unknown, outcome_of
from pms_lab.engine.resilience.retry import repeated
from pms_lab.errors import BadAnswer, BreakerOpen, NotSent, PmsError, PmsRefused, Throttled, Unanswered
from pms_lab.rules.retrying import RetryPolicy
from pms_lab.sim.driver import Sim

STEADY = RetryPolicy(jitter=0)


def end_of(*ends: Exception | str, policy: RetryPolicy = STEADY) -> tuple[object, list[float]]:
    """Return how a repeated request ended whose attempts end one after the other, and when each began."""
    began_s: list[float] = []
    with Sim() as sim:
        node = sim.node("client")

        async def attempt() -> str:
            began_s.append(node.flow.monotonic_s())
            end = ends[len(began_s) - 1]
            if isinstance(end, Exception):
                raise end
            return end

        try:
            return node.run(repeated(node.flow, node.chance, policy, attempt)), began_s
        except PmsError as error:
            return error, began_s


def test_what_is_worth_it_is_repeated_after_one_and_two_seconds() -> None:
    assert end_of(Unanswered("1"), Unanswered("2"), "well") == ("well", [0, 1, 3])


def test_the_last_error_is_raised_when_the_attempts_are_used_up() -> None:
    last = Unanswered("3")
    assert end_of(Unanswered("1"), Unanswered("2"), last, "never") == (last, [0, 1, 3])


@pytest.mark.parametrize("error", [PmsRefused("no", status=404), BadAnswer("?")])
def test_what_is_not_worth_it_is_raised_at_once(error: PmsError) -> None:
    assert end_of(error, "never") == (error, [0])


def test_a_pms_that_asks_for_time_gets_it() -> None:
    assert end_of(Throttled("429", retry_after_s=20), "well") == ("well", [0, 20])


def test_a_pms_that_asks_for_more_time_than_allowed_is_handed_to_the_caller() -> None:
    throttled = Throttled("429", retry_after_s=31)
    assert end_of(throttled, "never") == (throttled, [0])


def test_chance_adds_at_most_half_of_a_wait() -> None:
    _, (first_s, second_s, third_s) = end_of(Unanswered("1"), Unanswered("2"), "well", policy=RetryPolicy())
    assert first_s + 1 < second_s < first_s + 1.5
    assert second_s + 2 < third_s < second_s + 3


def test_an_error_that_is_not_the_pms_is_not_repeated() -> None:
    with pytest.raises(KeyError):
        end_of(KeyError("a bug"), "never")


@pytest.mark.parametrize(
    "last", [NotSent("refused"), BreakerOpen("open"), Throttled("429"), PmsRefused("no", status=409)]
)
def test_a_refusal_of_a_later_attempt_does_not_hide_that_an_earlier_one_may_have_landed(last: PmsError) -> None:
    lost = Unanswered("lost")
    error, _ = end_of(lost, last, last)
    assert isinstance(error, PmsError)
    assert error.doubt is lost
    assert isinstance(outcome_of(error), Unknown)


def test_attempts_that_surely_had_no_effect_leave_no_doubt() -> None:
    error, _ = end_of(NotSent("1"), Throttled("2"), NotSent("3"))
    assert isinstance(error, PmsError)
    assert isinstance(outcome_of(error), Refused)
