"""Decoding, the store and UCF101's layout, on encoded clips."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from replicortex.core.errors import StudyError
from replicortex.core.files import write
from replicortex.data import frames, video
from replicortex.data.fixtures import ucf101


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
    film = ucf101.drifting(np.random.default_rng(0), 10)
    ucf101.encode(tmp_path / "a.avi", film)
    decoded = video.decode(tmp_path / "a.avi", 60)
    assert decoded.shape == (10, 60, 60, 3)
    assert decoded.dtype == np.uint8
    middle = film[:, :, 10:70]
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
    assert "cannot be decoded (Invalid data" in store.left_out["broken.avi"]
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
        with pytest.raises(StudyError, match=r"a shard of decoded videos expected"):
            frames.open_store([path])
    with pytest.raises(
        StudyError, match=r"classInd\.txt: a list of UCF101 expected, no file found"
    ):
        video.ucf101_split(tmp_path, 1, "train")
    with pytest.raises(StudyError, match="split val 1 is unknown"):
        video.ucf101_split(ucf, 1, "val")


def marked(width=96, height=64, frames=30):
    """Return frames whose corners differ (red, green, blue, white from the upper left), and that move."""
    film = np.full((frames, height, width, 3), 60, np.uint8)
    corners = [(0, 0), (0, 1), (1, 1), (1, 0)]
    colours = [(230, 20, 20), (20, 200, 20), (20, 20, 230), (240, 240, 240)]
    for (down, across), colour in zip(corners, colours, strict=True):
        top, left = down * height // 2, across * width // 2
        film[:, top : top + height // 2, left : left + width // 2] = colour
    for number, frame in enumerate(film):
        frame[height // 2 - 3 : height // 2 + 3, 2 * number : 2 * number + 6] = 0
    return film


def encode(path, film, codec="mpeg4", aspect=None):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = film.shape[1:3]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.bit_rate = 800_000
        stream.codec_context.thread_count = 1
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for image in film:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


# Matrix (a, b, c, d) -> what becomes of frames (frames, height, width, 3).
TURNS = {
    "a quarter clockwise": ((0, 1, -1, 0), lambda x: np.rot90(x, -1, (1, 2))),
    "half a turn": ((-1, 0, 0, -1), lambda x: np.rot90(x, 2, (1, 2))),
    "a quarter counter-clockwise": ((0, -1, 1, 0), lambda x: np.rot90(x, 1, (1, 2))),
    "mirrored": ((-1, 0, 0, 1), lambda x: x[:, :, ::-1]),
    "mirrored and turned": ((0, 1, 1, 0), lambda x: x.swapaxes(1, 2)),
}


def with_matrix(path, numbers):
    """Write a display matrix into an MP4's track header."""
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") - 4
    assert content[start + 8] == 0  # version
    a, b, c, d = (round(65536 * number) for number in numbers)
    content[start + 48 : start + 84] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


def corner_colours(film):
    """Return the mean colours of the corners, clockwise from the upper left."""
    near = slice(2, 12)
    far = slice(-12, -2)
    return [
        film[:, y, x].mean((0, 1, 2))
        for y, x in [(near, near), (near, far), (far, far), (far, near)]
    ]


@pytest.mark.parametrize("what", TURNS)
def test_frames_are_turned_as_a_player_turns_them(tmp_path, what):
    numbers, turn = TURNS[what]
    film, path = marked(), tmp_path / "a.mp4"
    encode(path, film)
    plain = video.decode(path, 64)
    with_matrix(path, numbers)
    decoded = video.decode(path, 64)
    expected = corner_colours(turn(film))
    assert np.abs(np.array(corner_colours(decoded)) - expected).max() < 25
    assert np.abs(np.array(corner_colours(plain)) - expected).max() > 100
    # The middle square of a frame that is turned is the middle square, turned.
    assert np.array_equal(decoded, turn(plain))


def test_an_odd_turn_is_refused(tmp_path):
    encode(tmp_path / "a.mp4", marked())
    with_matrix(tmp_path / "a.mp4", (0.8, 0.6, -0.6, 0.8))
    with pytest.raises(StudyError, match=r"turned by -?3[67] degrees, which is no quarter turn"):
        video.decode(tmp_path / "a.mp4", 64)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("aspect", [Fraction(2), Fraction(1, 2)])
def test_pixels_that_are_not_square(tmp_path, aspect, suffix):
    """A disc that was squeezed before it was encoded is round again."""
    y, x = np.mgrid[:64, :96]
    wide, high = max(aspect, 1), max(1 / aspect, 1)
    disc = ((x - 47.5) * wide) ** 2 + ((y - 31.5) * high) ** 2 < 28**2
    film = np.repeat(np.where(disc, 230, 20).astype(np.uint8)[None, ..., None], 3, 3)
    path = tmp_path / f"a.{suffix}"
    encode(path, np.repeat(film, 5, 0), aspect=aspect)
    seen = video.decode(path, 64, grey=True)[0, ..., 0] > 125
    across, down = np.flatnonzero(seen.any(0)), np.flatnonzero(seen.any(1))
    expected = 56 * 64 / min(96 * wide, 64 * high)
    assert abs(len(across) - expected) <= 2 and abs(len(down) - expected) <= 2
    assert abs(across.mean() - 31.5) <= 1 and abs(down.mean() - 31.5) <= 1


def holed(raw):
    return raw[: len(raw) * 2 // 5] + bytes(len(raw) // 5) + raw[len(raw) * 3 // 5 :]


@pytest.mark.parametrize("suffix", ["avi", "mp4", "mkv", "webm"])
@pytest.mark.parametrize("damage", ["a hole", "cut"])
def test_damaged_clips_are_left_out_and_counted(tmp_path, suffix, damage):
    codec = "libvpx-vp9" if suffix == "webm" else "mpeg4"
    whole, bad = tmp_path / f"whole.{suffix}", tmp_path / f"bad.{suffix}"
    encode(whole, ucf101.drifting(np.random.default_rng(0), 30), codec)
    raw = whole.read_bytes()
    bad.write_bytes(holed(raw) if damage == "a hole" else raw[: len(raw) // 2])
    made = video.decode_all([("whole", whole), ("bad", bad)], size=24, fewest=2)
    assert [(v["name"], v["frames"]) for v in made.metadata["videos"]] == [("whole", 30)]
    assert list(made.metadata["left_out"]) == ["bad"]
    assert str(tmp_path) not in made.metadata["left_out"]["bad"]


@pytest.mark.parametrize("suffix", ["avi", "mkv"])
def test_frames_that_are_missing_at_the_end(tmp_path, suffix):
    """Cut behind a whole frame: what is there is sound, so that only the count tells."""
    path = tmp_path / f"a.{suffix}"
    encode(path, ucf101.drifting(np.random.default_rng(0), 30), "mjpeg")
    raw = path.read_bytes()
    ends = [at + 2 for at in range(len(raw)) if raw[at : at + 2] == b"\xff\xd9"]
    assert len(ends) == 30
    path.write_bytes(raw[: ends[19]])
    with pytest.raises(StudyError, match=r"(20|19) frames can be decoded, (30 are|which end)"):
        video.decode(path, 24)
    assert len(video.decode(path, 24, most=15)) == 15  # no more is asked of it than is kept


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{name} 2", "gives 2 as the class of {name}, classInd.txt has 1"),
        ("{name} 1\n{name} 1", "lists {name} twice"),
        ("Swimming/v_1.avi 1", "class 'Swimming' is not in classInd.txt"),
    ],
)
def test_lists_of_ucf101_that_contradict_themselves(tmp_path, line, said):
    ucf101.build(tmp_path / "ucf", seed=0, classes=2, groups=2, frames=2)
    listed = tmp_path / "ucf/ucfTrainTestlist/trainlist01.txt"
    name = listed.read_text().split()[0]
    listed.write_text(line.format(name=name) + "\n")
    with pytest.raises(StudyError, match=said.format(name=name)):
        video.ucf101_split(tmp_path / "ucf", 1, "train")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.arrays.update(frames=t.arrays["frames"].astype(np.float32)), "are F32, bytes"),
        (lambda t: t.metadata["videos"][1].update(frames=9), "reaches beyond its frames"),
        (lambda t: t.metadata["videos"][1].update(start=-1), "reaches beyond its frames"),
    ],
)
def test_shards_that_contradict_themselves(tmp_path, change, said):
    taken = [(name, np.zeros((4, 6, 6, 3), np.uint8)) for name in ("a", "b")]
    made = frames.shard(taken, {})
    change(made)
    write(tmp_path / "a.safetensors", made)
    with pytest.raises(StudyError, match=said):
        frames.open_store([tmp_path / "a.safetensors"])


def test_a_video_in_two_shards_is_refused(tmp_path):
    for name in ("one", "two"):
        shard = frames.shard([("a.avi", np.zeros((4, 6, 6, 3), np.uint8))], {})
        write(tmp_path / f"{name}.safetensors", shard)
    with pytest.raises(
        StudyError, match=r"two\.safetensors: holds video 'a\.avi', as a shard before"
    ):
        frames.open_store([tmp_path / "one.safetensors", tmp_path / "two.safetensors"])
