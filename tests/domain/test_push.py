"""States of a push: what may follow what."""

from __future__ import annotations

import pytest

from pms_lab.domain.push import STEPS, PushState, check_step
from pms_lab.errors import IllegalTransition

STATES = list(PushState)
FIRST = {PushState.PREPARED, PushState.REJECTED, PushState.PENDING_MANUAL_REVIEW, PushState.PROPOSED_DRY_RUN}
LAST = {
    PushState.PUBLISHED,
    PushState.ROLLED_BACK,
    PushState.ROLLBACK_FAILED,
    PushState.PENDING_MANUAL_REVIEW,
    PushState.REJECTED,
}
ALLOWED = {
    None: FIRST,
    PushState.PREPARED: {PushState.IN_PROGRESS, PushState.REJECTED},
    PushState.IN_PROGRESS: LAST,
}


@pytest.mark.parametrize("before", [None, *STATES])
@pytest.mark.parametrize("after", STATES)
def test_every_pair_of_states_is_either_a_step_or_refused(before: PushState | None, after: PushState) -> None:
    if after in ALLOWED.get(before, set()):
        check_step(before, after)
    else:
        with pytest.raises(IllegalTransition, match=f"cannot become {after}"):
            check_step(before, after)


def test_nothing_follows_a_final_state_and_only_two_are_open() -> None:
    assert {state for state in STATES if not state.is_final} == {PushState.PREPARED, PushState.IN_PROGRESS}
    assert set(STEPS) == {None, PushState.PREPARED, PushState.IN_PROGRESS}


def test_a_refused_step_names_both_states_and_what_is_allowed() -> None:
    with pytest.raises(IllegalTransition, match=r"PREPARED cannot become PUBLISHED: .* IN_PROGRESS, REJECTED"):
        check_step(PushState.PREPARED, PushState.PUBLISHED)
