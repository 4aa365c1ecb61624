from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pms_lab.domain.money import Money
from pms_lab.errors import CurrencyMismatch, RateError
from pms_lab.rules.consensus import Method, Vote, find_consensus

CENT = Decimal("0.01")


def votes_of(*told: tuple[str, str, str]) -> list[Vote]:
    """Build votes of agents a, b, c … from (rate, confidence, weight)."""
    return [
        Vote("abcdefgh"[at], Money.of(rate, "USD"), Decimal(confidence), Decimal(weight))
        for at, (rate, confidence, weight) in enumerate(told)
    ]


rates = st.decimals(min_value=1, max_value=1000, places=2)
shares = st.decimals(min_value=0, max_value=1, places=2)
weights = st.decimals(min_value=0, max_value=5, places=1)
ballots = st.lists(st.tuples(rates, shares, weights), min_size=1, max_size=8).map(
    lambda told: votes_of(*((str(rate), str(share), str(weight)) for rate, share, weight in told))
)
methods = st.sampled_from(Method)


@pytest.mark.parametrize(
    ("votes", "method", "step", "rate"),
    [
        ([("46.80", "0.84", "1")], Method.MEAN, "0.10", "46.80"),
        ([("40.00", "0.5", "1"), ("50.00", "0.5", "1")], Method.MEAN, "0.01", "45.00"),
        ([("40.00", "0.9", "1"), ("50.00", "0.3", "1")], Method.MEAN, "0.01", "42.50"),
        ([("40.00", "0.5", "1"), ("50.00", "0.5", "3")], Method.MEAN, "0.01", "47.50"),
        ([("40.00", "0.0", "1"), ("50.00", "0.1", "1")], Method.MEAN, "0.01", "50.00"),
        ([("46.42", "0.5", "1"), ("46.48", "0.5", "1")], Method.MEAN, "0.10", "46.50"),
        ([("40.00", "0.5", "1"), ("41.00", "0.5", "1"), ("99.00", "0.5", "1")], Method.MEDIAN, "0.01", "41.00"),
        ([("40.00", "0.5", "1"), ("50.00", "0.5", "1")], Method.MEDIAN, "0.01", "45.00"),
        ([("40.00", "0.2", "1"), ("41.00", "0.2", "1"), ("99.00", "0.9", "1")], Method.MEDIAN, "0.01", "99.00"),
    ],
)
def test_votes_are_weighed_by_confidence_times_weight(
    votes: list[tuple[str, str, str]], method: Method, step: str, rate: str
) -> None:
    assert find_consensus(votes_of(*votes), Decimal(step), method).rate == Money.of(rate, "USD")


def test_without_votes_there_is_no_consensus_and_a_reason() -> None:
    consensus = find_consensus([], CENT)
    assert (consensus.rate, consensus.confidence, consensus.reason) == (None, None, "no agent voted")


def test_votes_without_weight_give_no_rate_but_keep_their_confidence() -> None:
    consensus = find_consensus(votes_of(("40.00", "0.6", "0"), ("50.00", "0", "1")), CENT)
    assert (consensus.rate, consensus.confidence) == (None, Decimal("0.3"))
    assert "none of 2 votes" in consensus.reason


def test_the_votes_are_kept_with_the_consensus() -> None:
    votes = votes_of(("40.00", "0.6", "1"), ("50.00", "0", "1"))
    assert find_consensus(votes, CENT).votes == tuple(votes)


def test_confidence_is_the_plain_mean_whatever_the_weights() -> None:
    assert find_consensus(votes_of(("40.00", "0.6", "9"), ("50.00", "0.2", "1")), CENT).confidence == Decimal("0.4")


def test_votes_in_two_currencies_are_an_error() -> None:
    votes = [Vote("a", Money.of("1", "USD"), Decimal(1)), Vote("b", Money.of("1", "EUR"), Decimal(1))]
    with pytest.raises(CurrencyMismatch, match="EUR, USD"):
        find_consensus(votes, CENT)


def test_an_agent_votes_once() -> None:
    with pytest.raises(RateError, match="voted twice"):
        find_consensus([Vote("a", Money.of("1", "USD"), Decimal(1))] * 2, CENT)


@pytest.mark.parametrize(("confidence", "weight"), [("-0.1", "1"), ("0.5", "-1")])
def test_nothing_pulls_the_wrong_way(confidence: str, weight: str) -> None:
    with pytest.raises(RateError, match="none is negative"):
        find_consensus(votes_of(("40.00", confidence, weight)), CENT)


@given(ballots, methods, st.sampled_from(["0.01", "0.10", "1"]))
def test_the_consensus_lies_between_the_votes_and_on_the_price_step(
    votes: list[Vote], method: Method, step: str
) -> None:
    consensus = find_consensus(votes, Decimal(step), method)
    pulling = [vote.rate.amount for vote in votes if vote.pull > 0]
    if not pulling:
        assert consensus.rate is None
        return
    assert consensus.rate is not None
    half = Decimal(step) / 2
    assert min(pulling) - half <= consensus.rate.amount <= max(pulling) + half
    assert consensus.rate.amount % Decimal(step) == 0


@given(ballots, methods, st.integers())
def test_the_order_of_the_votes_does_not_matter(votes: list[Vote], method: Method, seed: int) -> None:
    shuffled = Random(seed).sample(votes, len(votes))
    assert find_consensus(votes, CENT, method).rate == find_consensus(shuffled, CENT, method).rate


@given(ballots, methods, st.sampled_from([2, 3, 10]))
def test_only_the_proportion_of_the_weights_matters(votes: list[Vote], method: Method, factor: int) -> None:
    scaled = [Vote(vote.agent, vote.rate, vote.confidence, vote.weight * factor) for vote in votes]
    assert find_consensus(votes, CENT, method).rate == find_consensus(scaled, CENT, method).rate


@given(ballots, methods)
def test_an_agent_without_weight_is_as_good_as_absent(votes: list[Vote], method: Method) -> None:
    silent = Vote("silent", Money.of("999999", "USD"), Decimal(1), Decimal(0))
    assert find_consensus([*votes, silent], CENT, method).rate == find_consensus(votes, CENT, method).rate
