"""The real recordings of macaque V4: shapes, and images shared by two sessions."""

import pytest
from manifests import mirrored

from replicortex.data import macaque_v4

pytestmark = pytest.mark.mirror


def test_the_real_sessions_share_600_images(mirror, tmp_path):
    manifest = mirrored(mirror, tmp_path, "macaque_v4")
    shapes = {
        s: macaque_v4.read_responses(manifest, s).shape for s in macaque_v4.sessions(manifest)
    }
    assert shapes == {"201025": (1200, 89), "210322": (1200, 59), "210325": (640, 50)}
    one, other = (macaque_v4.read_images(manifest, s)[1] for s in ("210322", "210325"))
    assert one.shape == (1200, 112, 112, 3)
    assert len(macaque_v4.shared_images(one, other)[0]) == 600
