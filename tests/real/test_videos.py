"""The 26 sample clips: all decode, and none is too short for a clip of 16 frames."""

import pytest

from replicortex.core.files import write
from replicortex.data import frames, video

pytestmark = pytest.mark.mirror


@pytest.mark.slow
def test_all_sample_clips_decode(mirror, tmp_path):
    clips = [(path.name, path) for path in video.found(mirror / "videos")]
    path = tmp_path / "shard.safetensors"
    write(path, video.decode_all(clips, size=32, fewest=16, grey=True))
    store = frames.open_store([path], check=True)
    assert not store.left_out
    assert len(store.videos) == 26
    counts = [entry.frames for entry in store.videos]
    assert (min(counts), max(counts), sum(counts)) == (38, 1394, 4867)
