"""Rules that several jobs share: wildcards that hold for these jobs alone, and each job's own values."""

import re
from types import SimpleNamespace

import pytest

from replicortex.core.arrays import Array, arrays, choose, one_of


def names(found):
    return {one.name: sorted(one.jobs.values()) for one in found}


def units_of(one):
    """Return the networks of each job of an array, as the engine fills in its wildcards."""
    return {
        job: [unit.format(**dict(zip(one.wildcards, values, strict=True))) for unit in one.units]
        for values, job in one.jobs.items()
    }


def matched(one, unit):
    """Whether the array's rule would make a network's file."""
    for pattern in one.units:
        parts = re.split(r"\{(\w+)\}", pattern)
        parts[::2] = map(re.escape, parts[::2])
        parts[1::2] = [f"(?:{one.wildcards[name]})" for name in parts[1::2]]
        if re.fullmatch("".join(parts), unit):
            return True
    return False


CASES = {
    "one network a job": {f"{of}_{n}": [f"{of}/seed{n}"] for of in ("bp", "fa") for n in (7, 42)},
    "other seeds of one": {"a_0": ["a/seed0"], "a_1": ["a/seed1"], "b_0": ["b/seed0"]},
    "a condition's seeds": {of: [f"{of}/seed0", f"{of}/seed1"] for of in ("m/ce/r0.2", "m/ce/r02")},
    "conditions of a seed": {f"clips_{n}": [f"c/a/seed{n}", f"s/seed{n}"] for n in (0, 1, 2)},
    "packs and a rest": {
        **{f"{of}_0": [f"{of}/seed1", f"{of}/seed2"] for of in ("a", "b")},
        **{f"{of}_1": [f"{of}/seed3"] for of in ("a", "b")},
    },
    "all in one": {"all": ["a/seed0", "a/seed1", "b/seed0"]},
    "seeds alone": {"0": ["seed0"], "1": ["seed1"], "2": ["seed2"]},
    "a pack of seeds": {"0": ["seed0", "seed1"], "1": ["seed2"]},
}


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("jobs", CASES.values(), ids=CASES)
def test_every_job_is_of_one_array_which_makes_its_networks_and_no_other(jobs, alone):
    found = arrays(jobs, "rule", alone=alone)
    made = {job: units for one in found for job, units in units_of(one).items()}
    assert made == jobs and sum(len(one.jobs) for one in found) == len(jobs)
    assert len({one.name for one in found}) == len(found)
    for job, units in jobs.items():
        for unit in units:
            assert [job in one.jobs.values() for one in found if matched(one, unit)] == [True]


def test_jobs_that_differ_by_condition_or_seed_alone_share_a_rule():
    assert names(arrays(CASES["one network a job"])) == {"": ["bp_42", "bp_7", "fa_42", "fa_7"]}
    assert names(arrays(CASES["conditions of a seed"])) == {
        "_clips": ["clips_0", "clips_1", "clips_2"]
    }
    assert names(arrays(CASES["packs and a rest"])) == {"_0": ["a_0", "b_0"], "_1": ["a_1", "b_1"]}
    assert names(arrays(CASES["all in one"])) == {"_all": ["all"]}
    assert names(arrays(CASES["seeds alone"])) == {"": ["0", "1", "2"]}
    # b has no seed 1: with a's, wildcards would hold for a job that is none.
    assert names(arrays(CASES["other seeds of one"])) == {"_a": ["a_0", "a_1"], "_b_0": ["b_0"]}


def test_each_job_has_its_own_value():
    (one,) = arrays(CASES["one network a job"], "rule")
    value = one.each({name: f"of {name}" for name in CASES["one network a job"]})
    assert value(SimpleNamespace(rule="fa", seed="7")) == "of fa_7"
    assert value(SimpleNamespace(rule="bp", seed="42")) == "of bp_42"
    with pytest.raises(KeyError):
        value(SimpleNamespace(rule="bp", seed="8"))
    by_number = choose("number", {3: "three"})
    assert by_number(SimpleNamespace(number="3")) == "three"


def test_logs_tell_jobs_apart_and_messages_name_them():
    (one,) = arrays(CASES["one network a job"], "rule")
    assert one.log == "/{rule}/seed{seed}" and one.said == "{wildcards.rule}, seed {wildcards.seed}"
    (one,) = arrays(CASES["conditions of a seed"])
    assert one.log == "/seed{seed}" and one.said == "clips, seed {wildcards.seed}"
    (one,) = arrays(CASES["all in one"])
    assert one.log == "" and one.said == "all"
    assert Array("_0", ["seed0"], {}, {(): "0"}).said == "job 0"


def test_a_constraint_takes_its_values_as_they_are():
    assert re.fullmatch(one_of(["r0.2", "a+b"]), "a+b")
    assert not re.fullmatch(one_of(["r0.2"]), "r002")
