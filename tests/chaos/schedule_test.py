"""The schedule follows from the seed and nothing else, and has everything in it."""

import collections
import uuid

import pytest

from evalrun_chaos import chance, faults, schedule

SEED = 7


def test_the_same_seed_gives_the_same_stories_and_events():
    assert schedule.stories(SEED, 300) == schedule.stories(SEED, 300)
    assert schedule.events(SEED, 5000) == schedule.events(SEED, 5000)


def test_another_seed_gives_others():
    assert schedule.stories(SEED, 300) != schedule.stories(SEED + 1, 300)
    assert schedule.events(SEED, 5000) != schedule.events(SEED + 1, 5000)


def test_a_story_does_not_depend_on_the_others():
    assert schedule.story(SEED, 250) == schedule.stories(SEED, 300)[250]


def test_there_are_as_many_calls_as_asked_for_even_if_each_first_one_settles_its_run():
    told = schedule.stories(SEED, 1000)
    assert sum(story.certain_calls for story in told) >= 1000
    assert sum(story.certain_calls for story in told[:-1]) < 1000


@pytest.fixture(scope="module", name="told")
def fixture_told():
    return schedule.stories(SEED, 8000)


def test_every_call_has_a_request_id_of_its_own_and_every_story_a_run_of_its_own(told):
    ids = [call.request_id for story in told for call in story.calls]
    assert len(set(ids)) == len(ids)
    assert len({story.eval_run_uuid for story in told}) == len(told)


def test_ids_are_uuids_that_say_their_scenario(told):
    for story in told:
        assert str(uuid.UUID(story.eval_run_uuid)) == story.eval_run_uuid
        assert story.eval_run_uuid.startswith(faults.prefix(story.scenario.name))


def test_every_kind_state_and_scenario_occurs_about_as_often_as_it_says(told):
    for counted, weights in (
            (collections.Counter(story.kind for story in told), schedule.KINDS),
            (collections.Counter(story.state for story in told), schedule.STATES)):
        for name, weight in weights.items():
            assert counted[name] == pytest.approx(len(told) * weight / 100, rel=0.25)
    counted = collections.Counter(story.scenario.name for story in told)
    for scenario in faults.SCENARIOS.values():
        assert counted[scenario.name] >= len(told) * scenario.share / 1000 / 2


def test_only_gRPC_retry_stories_use_channels_that_retry(told):
    for story in told:
        assert {call.retried_by_grpc for call in story.calls} == {story.kind == "grpc retry"}


def test_an_application_that_calls_again_allows_the_run_to_be_missing(told):
    again = [call for story in told if story.kind == "own retry" for call in story.calls[1:]]
    assert again and all(call.allow_missing for call in again)


def test_the_scenarios_fill_a_thousand_and_most_calls_meet_none():
    assert sum(scenario.share for scenario in faults.SCENARIOS.values()) == 1000
    assert faults.CLEAN.share > 500


def test_every_event_happens_and_more_often_in_a_longer_run():
    short, long = (collections.Counter(schedule.events(SEED, count).values())
                   for count in (100, 16000))
    assert set(short) == set(long) == set(schedule.EVENTS)
    assert all(long[name] == 16000 // distance for name, distance in schedule.EVENTS.items())
    assert all(0 <= at < 100 for at in schedule.events(SEED, 100))


def test_what_stays_below_one_half_is_half_of_it():
    low = sum(chance.fraction(SEED, number) < 0.5 for number in range(2000))
    assert low == pytest.approx(1000, rel=0.1)
    assert all(3 <= chance.between(3, 4, SEED, number) < 4 for number in range(100))
