"""Decoding, the store and UCF101's layout, on encoded clips."""

import numpy as np
import pytest

from replicortex.data import frames, video
from replicortex.data.fixtures import ucf101
from replicortex.errors import StudyError
from replicortex.files import write


@pytest.fixture(scope="module")
def ucf(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ucf")
    ucf101.build(folder, seed=0, classes=2, groups=4, frames=12)
    return folder


def test_two_builds_are_the_same_bytes(ucf, tmp_path):
    ucf101.build(tmp_path / "again", seed=0, classes=2, groups=4, frames=12)
    for path in sorted(p for p in ucf.rglob("*") if p.is_file()):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(ucf)).read_bytes(), path


def test_decoded_frames_are_the_encoded_ones(tmp_path):
    shown = ucf101.drifting(np.random.default_rng(0), 10)
    ucf101.encode(tmp_path / "a.avi", shown)
    decoded = video.decode(tmp_path / "a.avi", 60)
    assert decoded.shape == (10, 60, 60, 3)
    assert decoded.dtype == np.uint8
    middle = shown[:, :, 10:70]
    same = [np.corrcoef(decoded[t].ravel(), middle[t].ravel())[0, 1] for t in range(10)]
    other = np.corrcoef(decoded[0].ravel(), middle[9].ravel())[0, 1]
    assert min(same) > 0.97 > other


def test_grey_frames_have_one_channel_and_most_cuts(ucf):
    path = video.found(ucf)[0]
    assert video.decode(path, 32, grey=True, most=5).shape == (5, 32, 32, 1)


def test_split_files_give_names_classes_and_files(ucf):
    train, test = (video.ucf101_split(ucf, 1, part) for part in ("train", "test"))
    assert len(train) == 6
    assert len(test) == 2
    assert {kind for _, kind, _ in train} == {0, 1}
    assert all(path.is_file() for _, _, path in train)
    assert not {name for name, _, _ in train} & {name for name, _, _ in test}


@pytest.fixture
def mixed(ucf, tmp_path):
    good = [(path.name, path) for path in video.found(ucf)[:3]]
    broken = tmp_path / "broken.avi"
    broken.write_bytes(b"RIFF no video at all")
    short = tmp_path / "short.avi"
    ucf101.encode(short, ucf101.drifting(np.random.default_rng(1), 3))
    return [good[0], ("broken.avi", broken), good[1], ("short.avi", short), good[2]]


def stored(videos, folder, **numbers):
    path = folder / "shard.safetensors"
    write(path, video.decode_all(videos, size=24, fewest=8, **numbers))
    return path


def test_store_leaves_out_what_cannot_be_used_and_says_why(mixed, tmp_path):
    paths = [stored(mixed[:3], tmp_path / "0"), stored(mixed[3:], tmp_path / "1")]
    store = frames.open_store(paths, check=True)
    assert [v.name for v in store.videos] == [mixed[i][0] for i in (0, 2, 4)]
    assert [v.shard for v in store.videos] == [0, 0, 1]
    assert "cannot be decoded" in store.left_out["broken.avi"]
    assert store.left_out["short.avi"] == "3 frames found, at least 8 expected"
    assert all(isinstance(part, np.memmap) for part in store.shards)
    for number, place in enumerate((0, 2, 4)):
        whole = video.decode(mixed[place][1], 24)
        assert np.array_equal(store.clip(number, 2, 4, step=2), whole[2:9:2])


def test_all_bad_is_an_error(mixed):
    with pytest.raises(StudyError, match=r"none of 2 can be used \(broken.avi: cannot be decoded"):
        video.decode_all([mixed[1], mixed[3]], size=24, fewest=8)


def test_a_changed_shard_is_found(mixed, tmp_path):
    path = stored(mixed, tmp_path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(StudyError, match="was changed"):
        frames.open_store([path], check=True)


def test_a_clip_beyond_the_end_is_refused(mixed, tmp_path):
    store = frames.open_store([stored(mixed, tmp_path)])
    with pytest.raises(StudyError, match="frames 8 to 12 asked for, it has 12"):
        store.clip(0, 8, 5)


def test_folders_without_videos_and_lists_are_told(tmp_path, ucf):
    with pytest.raises(StudyError, match="no video found"):
        video.found(tmp_path)
    damaged = tmp_path / "shard.safetensors"
    damaged.write_bytes(b"\xff" * 40)
    for path in (damaged, tmp_path / "absent.safetensors"):
        with pytest.raises(StudyError, match=r"is no shard of decoded videos"):
            frames.open_store([path])
    with pytest.raises(StudyError, match=r"classInd\.txt: cannot be read"):
        video.ucf101_split(tmp_path, 1, "train")
    with pytest.raises(StudyError, match="split val 1 is unknown"):
        video.ucf101_split(ucf, 1, "val")
