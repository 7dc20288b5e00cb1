"""What a user can get wrong is told in one sentence."""

import numpy as np
import pytest
from manifests import described

from papers.mt_maps import motion_energy, placing, sources
from papers.mt_maps.conditions import arms
from papers.mt_maps.decoding_settings import FrameSettings, SourcePart
from papers.mt_maps.stores import stores
from papers.mt_maps.training_settings import MotionEnergySettings, Settings
from replicortex.core.config import paper_numbers
from replicortex.core.errors import StudyError
from replicortex.core.files import write
from replicortex.data.fixtures import macaque_v4, ucf101

PART = SourcePart(source="clips", kind="ucf101", fewest=8, number=0, parts=1)
STORE = FrameSettings(size=24, grey=True, most=None, split=1, sessions=["210322"])


def decoded(dataset=None, store=STORE, **part):
    made = SourcePart(**{**PART.model_dump(), **part})
    return sources.decode(part=made, store=store, dataset=dataset)["frames"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stimuli": {"directions": 6}}, r"stimuli\.directions: .*greater than or equal to 8.*6"),
        ({"placing": {"directions": 9}}, r"placing\.directions: .*multiple of 2.*9"),
        ({"clips": {"flip": "both"}}, r"clips\.flip: .*'both'"),
        ({"clips": {"order": "foward"}}, "did you mean 'forward'"),
        (
            {"clips": {"crop": [0.5, 0.95]}},
            r"clips\.crop: a window of 0\.95 of the frame leaves it",
        ),
        ({"clips": {"blur": [2, 0.1]}}, r"clips\.blur: .* the smaller sigma comes first"),
        ({"clips": {"jitter": {"hue": 0.6}}}, r"clips\.jitter\.hue: .*less than or equal to 0\.5"),
        (
            {"sources": {"noise": {"dataset": "videos"}}},
            r"sources\.noise: the kind 'noise' needs noise and no dataset",
        ),
        (
            {"sources": {"clips": {"dataset": None}}},
            r"sources\.clips: the kind 'ucf101' needs a dataset and no noise",
        ),
        ({"sources": {"noise": {"noise": {"frames": 4}}}}, "4 are fewer than a clip's"),
        ({"task": {"queue": 4}}, "task.queue: 4 keys are fewer than a batch of 8"),
        ({"network": {"widths": [4, 8]}}, "2 widths, 4 blocks and 4 strides"),
        ({"network": {"colours": 3}}, "network.colours: 3 does not fit store.grey"),
        ({"map_layer": "layer2.0"}, "map_layer: 'layer2.0' is none of layers"),
        ({"arms": {"clips": {"source": "films"}}}, "'films' is none of sources"),
        ({"arms": {"clips": {"source": "none"}}}, "the reference, and it alone"),
        ({"arms": {"clips": {"alphas": {"continue": [-1]}}}}, r"alphas\.continue.*greater than"),
        ({"spatial": {"form": "relativ"}}, "did you mean 'relative'"),
        ({"pictures": "films"}, "pictures: 'films' is none of sources"),
        (
            {"arms": {"clips": {"alphas": {"continue": [0.25, 0.25000001]}}}},
            r"0\.25 and 0\.25000001 would both be named 0\.25 in files",
        ),
        ({"arms": {"clips": {"stages": ["random", "random"]}}}, "random is given more than once"),
        ({"clips": {"crop": [0.6, 0.5]}}, r"clips\.crop: \[0\.6, 0\.5\] found, the smaller one"),
        ({"sources": {"clips": {"pan": [2, 1]}}}, r"sources\.clips\.pan: .* the smaller one"),
        ({"spatial": {"most": 5}}, "spatial: fewest, 10, is more than most, 5"),
        (
            {"layers": [{"block": "layer3.0", "area": "MT", "area_mm2": 50, "width": 5}] * 2},
            r"layers: 'layer3\.0' is given more than once",
        ),
        ({"measured": {"silent": 1}}, r"measured\.silent: .*less than 1, found 1"),
        ({"measured": {"draws": 1}}, r"measured\.draws: .*equal to 2, found 1"),
        ({"training": {"momentum": 1.0}}, r"training\.momentum: .*less than 1, found 1"),
        (
            {"stimuli": {"gratings": {"speeds": [0.75, 1]}}},
            r"gratings\.speeds: \[0\.75, 1(\.0)?\] do not reach 0\.5 .*sources\.stills\.pan",
        ),
        (
            {"stimuli": {"dots": {"speeds": [0.5]}}},
            r"dots\.speeds: \[0\.5\] do not reach 1\.0 .*sources\.stills\.pan",
        ),
        ({"stimuli": {"dots": {"density": 0}}}, r"dots\.density: .*greater than 0, found 0"),
        ({"stimuli": {"coherence": [0, 0]}}, r"coherence: 0 is given more than once"),
    ],
)
def test_wrong_numbers_are_named(root, change, message):
    with pytest.raises(StudyError, match=message) as error:
        paper_numbers("mt_maps", "demo", change, root)
    assert "\n" not in str(error.value)


@pytest.fixture
def ucf(tmp_path):
    ucf101.build(tmp_path / "ucf", seed=0, classes=2, groups=4, frames=12)
    return tmp_path


def test_a_bad_and_a_short_video_are_named_left_out_and_counted(ucf):
    videos = sorted((ucf / "ucf/UCF-101").rglob("*g02*.avi")) + sorted(
        (ucf / "ucf/UCF-101").rglob("*g03*.avi")
    )
    videos[0].write_bytes(b"no video")
    ucf101.encode(videos[-1], ucf101.drifting(np.random.default_rng(0), 4))
    made = decoded(described(ucf / "ucf"))
    assert len(made.metadata["videos"]) == 4
    assert len(made.metadata["left_out"]) == 2
    reasons = " ".join(made.metadata["left_out"].values())
    assert "cannot be decoded" in reasons and "4 frames found, at least 8 expected" in reasons
    assert made.metadata["source"] == "clips"


def test_all_videos_bad_and_none_at_all_are_errors(ucf):
    for path in (ucf / "ucf/UCF-101").rglob("*.avi"):
        path.write_bytes(b"no video")
    with pytest.raises(StudyError, match=r"none of 6 can be used \(.*cannot be decoded"):
        decoded(described(ucf / "ucf"))
    (ucf / "empty").mkdir()
    (ucf / "empty/readme.txt").write_text("nothing")
    with pytest.raises(StudyError, match="dataset empty: it has no video"):
        decoded(described(ucf / "empty"), kind="videos")


def test_shards_cover_the_list_once(ucf):
    listed = described(ucf / "ucf")
    whole = decoded(listed)
    paths = []
    for shard in range(4):
        part = decoded(listed, number=shard, parts=4)
        paths.append(ucf / f"{shard}.safetensors")
        write(paths[-1], part)
    store = stores(paths)["clips"]
    assert [v.name for v in store.videos] == [v["name"] for v in whole.metadata["videos"]]
    together = np.concatenate(store.shards)
    assert np.array_equal(together, whole.arrays["frames"])


def test_pictures_come_once_and_in_the_frames_size(tmp_path):
    (tmp_path / "v4").mkdir()
    macaque_v4.build(tmp_path / "v4", seed=0, images=8, shared=6, neurons=3, side=32, noise=0.2)
    store = STORE.model_copy(update={"sessions": ["210322", "210325"]})
    made = decoded(described(tmp_path / "v4"), store, kind="pictures")
    assert made.arrays["frames"].shape == (10, 24, 24, 1)
    assert all(entry["frames"] == 1 for entry in made.metadata["videos"])


def test_noise_is_the_same_for_the_same_seed_and_has_neither_motion_nor_shape():
    noise = {"videos": 5, "frames": 8, "seed": 0}

    def made(noise, grey=True, **part):
        store = STORE.model_copy(update={"grey": grey})
        return decoded(None, store, source="noise", kind="noise", noise=noise, **part)

    whole = made(noise)
    frames_ = whole.arrays["frames"]
    assert frames_.shape == (40, 24, 24, 1) and frames_.dtype == np.uint8
    assert [v["frames"] for v in whole.metadata["videos"]] == [8] * 5
    assert np.array_equal(frames_, made(noise).arrays["frames"])
    assert not np.array_equal(frames_, made({**noise, "seed": 1}).arrays["frames"])
    parts = [made(noise, number=k, parts=3).arrays["frames"] for k in range(3)]
    assert np.array_equal(frames_, np.concatenate(parts))
    assert made(noise, grey=False).arrays["frames"].shape[-1] == 3
    flat = frames_.reshape(40, -1) / 255
    alike = np.corrcoef(flat)[np.triu_indices(40, 1)]
    assert np.abs(alike).max() < 5 / 24 and flat.mean() == pytest.approx(0.5, abs=0.01)


def test_a_kind_that_needs_a_dataset_says_so():
    with pytest.raises(StudyError, match=r"sources\.clips: the kind 'videos' needs a dataset"):
        decoded(kind="videos")
    with pytest.raises(StudyError, match=r"sources\.clips: the kind 'noise' needs noise"):
        decoded(kind="noise")


def test_a_filter_narrower_than_a_pixel_is_refused():
    numbers = MotionEnergySettings(directions=8, cycles=[3], speeds=[1.0], sigma=1e-9)
    clips = np.zeros((1, 4, 16, 16))
    with pytest.raises(StudyError, match=r"motion_energy\.sigma: 1e-09 cycles.*pixels of 16"):
        motion_energy.rates(clips, numbers, 2)


def test_more_shards_than_videos_are_refused(ucf):
    with pytest.raises(StudyError, match=r"sources\.clips\.shards: 99 are more than the 6 videos"):
        decoded(described(ucf / "ucf"), parts=99)


def test_positions_of_another_layer_are_refused(root):
    demo = paper_numbers("mt_maps", "demo", {}, root)
    settings = Settings(**arms(demo)["clips"]["settings"])
    with pytest.raises(StudyError, match=r"positions: \(7, 2\) found, \(12, 2\) expected"):
        placing.place(
            {"layer1.0": np.zeros((7, 2))},
            lambda clips: {"layer1.0": np.ones((len(clips), 3, 2, 2))},
            settings,
            0,
        )
