# SPDX-License-Identifier: Apache-2.0
"""The schedule depends only on the seed, and contains all kinds of stories, faults and events."""

import collections
import uuid

import pytest

from evalrun_chaos import chance, faults, schedule

SEED = 7


def test_same_seed_gives_same_schedule():
    assert schedule.stories(SEED, 300) == schedule.stories(SEED, 300)
    assert schedule.events(SEED, 5000) == schedule.events(SEED, 5000)


def test_other_seed_gives_other_schedule():
    assert schedule.stories(SEED, 300) != schedule.stories(SEED + 1, 300)
    assert schedule.events(SEED, 5000) != schedule.events(SEED + 1, 5000)


def test_stories_are_independent():
    assert schedule.story(SEED, 250) == schedule.stories(SEED, 300)[250]


def test_minimum_number_of_calls():
    stories = schedule.stories(SEED, 1000)
    assert sum(story.certain_calls for story in stories) >= 1000
    assert sum(story.certain_calls for story in stories[:-1]) < 1000


@pytest.fixture(scope="module", name="stories")
def fixture_stories():
    return schedule.stories(SEED, 8000)


def test_request_ids_and_runs_are_unique(stories):
    ids = [call.request_id for story in stories for call in story.calls]
    assert len(set(ids)) == len(ids)
    assert len({story.eval_run_uuid for story in stories}) == len(stories)


def test_run_ids_encode_their_scenario(stories):
    for story in stories:
        assert str(uuid.UUID(story.eval_run_uuid)) == story.eval_run_uuid
        assert story.eval_run_uuid.startswith(faults.prefix(story.scenario.name))


def test_kinds_states_and_scenarios_have_expected_frequency(stories):
    for counted, weights in (
            (collections.Counter(story.kind for story in stories), schedule.KINDS),
            (collections.Counter(story.state for story in stories), schedule.STATES)):
        for name, weight in weights.items():
            assert counted[name] == pytest.approx(len(stories) * weight / 100, rel=0.25)
    counted = collections.Counter(story.scenario.name for story in stories)
    for scenario in faults.SCENARIOS.values():
        assert counted[scenario.name] >= len(stories) * scenario.share / 1000 / 2


def test_only_grpc_retry_stories_use_retrying_channels(stories):
    for story in stories:
        assert {call.retried_by_grpc for call in story.calls} == {story.kind == "grpc retry"}


def test_all_calls_of_some_stories_name_the_missing_workspace(stories):
    missing = [story for story in stories if story.calls[0].workspace_uuid is not None]
    assert len(missing) == pytest.approx(len(stories) * schedule.MISSING_WORKSPACE_SHARE, rel=0.25)
    for story in stories:
        assert {call.workspace_uuid for call in story.calls} == {
            schedule.MISSING_WORKSPACE if story in missing else None}


def test_application_retries_set_allow_missing(stories):
    again = [call for story in stories if story.kind == "own retry" for call in story.calls[1:]]
    assert again and all(call.allow_missing for call in again)


def test_scenario_weights_sum_to_a_thousand():
    assert sum(scenario.share for scenario in faults.SCENARIOS.values()) == 1000
    assert faults.CLEAN.share > 500


def test_event_count_scales_with_run_length():
    short, long = (collections.Counter(schedule.events(SEED, count).values())
                   for count in (100, 16000))
    assert set(short) == set(long) == set(schedule.EVENTS)
    assert all(long[name] == 16000 // distance for name, distance in schedule.EVENTS.items())
    assert all(0 <= at < 100 for at in schedule.events(SEED, 100))


def test_callers_of_every_other_seed_have_a_proxy():
    assert [schedule.has_proxy(seed) for seed in (1, 2, 3, 4)] == [False, True, False, True]


def test_fractions_are_uniform():
    low = sum(chance.fraction(SEED, number) < 0.5 for number in range(2000))
    assert low == pytest.approx(1000, rel=0.1)
    assert all(3 <= chance.between(3, 4, SEED, number) < 4 for number in range(100))
