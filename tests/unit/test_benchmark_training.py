"""The benchmark of trainings at its fast size, what it finds equal, and what its kept run says."""

import numpy as np
import pytest
import torch
import yaml
from benchmark_runs import fast_run, kept_run

ROW = {
    *("work", "goal", "peer", "ours_seconds", "peer_seconds", "ratio", "tolerance"),
    *("largest_difference", "threads"),
}


def rows_are_sound(rows: list) -> None:
    for row in rows:
        assert set(row) == ROW and set(row["peer"]) == {"name", "version", "options"}
        assert row["ratio"] == pytest.approx(
            row["peer_seconds"] / row["ours_seconds"], rel=0.05, abs=0.01
        )
        if row["tolerance"] is not None:
            assert 0 <= row["largest_difference"] <= row["tolerance"], row["work"]


@pytest.mark.slow
def test_fast_mode_measures_and_agrees(root, tmp_path):
    report = fast_run(root, tmp_path / "training.json")
    rules = yaml.safe_load((root / "config/papers/learning_rules.yaml").read_text())["rules"]
    assert (
        set(report["images_per_second"])
        == set(report["images_per_second_two_threads"])
        == set(rules)
    )
    assert min(report["images_per_second"].values()) > 0
    assert report["five_seeds_bp"]["identical"]
    rows_are_sound(report["comparisons"])
    assert {row["threads"] for row in report["comparisons"]} == {1, 2}


def test_the_kept_results_are_of_the_full_size(root):
    report = kept_run(root, "training.json")
    assert not report["fast"] and report["training"]["batch"] == 128
    rows_are_sound(report["comparisons"])
    works = {
        (row["work"], row["peer"]["name"].split(",")[0], row["threads"])
        for row in report["comparisons"]
    }
    for peer in ("cifar10-airbench", "torch DataLoader and torchvision transforms"):
        assert ("backpropagation: batch and step", peer, 1) in works
    assert ("supervised predictive coding: a step", "torch autograd", 1) in works


def peers(root):
    import importlib.util

    spec = importlib.util.spec_from_file_location("peers", root / "benchmarks/training_peers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_peers_batches_hold_the_images_shifted_and_mirrored(root):
    """Each image of a batch is one of the crops of its own image, and no image comes twice."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)
    training = {"crop_padding": 2, "batch": 3, "mean": [0.0] * 3, "sd": [1.0] * 3}
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0))) / 255
    for make in (peers(root).loader, peers(root).whole_epochs):
        seen = []
        for shown, labels in make(images, np.arange(6), training)():
            for image, label in zip(shown, labels, strict=True):
                seen.append(int(label))
                crops = [
                    padded[label, y : y + 32, x : x + 32][:, ::step]
                    for y in range(5)
                    for x in range(5)
                    for step in (1, -1)
                ]
                ours = image.permute(1, 2, 0).numpy()
                assert min(np.abs(ours - crop).max() for crop in crops) < 1e-6
        assert sorted(seen) == list(range(6))


def test_the_plain_predictive_coding_is_the_studys(root):
    """The peer is timed against the same numbers."""
    from papers.learning_rules.learners import pc_supervised
    from papers.learning_rules.settings.network import NetworkSettings
    from papers.learning_rules.settings.pc_supervised import SupervisedPCSettings

    written = yaml.safe_load((root / "config/papers/learning_rules.yaml").read_text())
    settings = SupervisedPCSettings(**written["rules"]["pc_supervised"])
    network = NetworkSettings(widths=[4, 6, 8], grid=4, hidden=16, dropout=0.0)
    make = lambda: pc_supervised.build(1, network, settings, 1, torch.device("cpu"))  # noqa: E731
    plain, ours = peers(root).PlainPC(make().network, settings), make()
    images = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(8)
    met = plain.step(images, labels)
    terms = ours.step(images, labels, None)
    assert len(met) == settings.steps + 1
    assert float(terms["energy_start"]) == pytest.approx(float(met[0]), rel=1e-5)
    assert float(terms["energy_end"]) == pytest.approx(float(met[-1]), rel=1e-5)
    for mine, theirs in zip(ours.network.parameters(), plain.net.parameters(), strict=True):
        # Errors are small differences of larger numbers, and BatchNorm is folded on one side alone.
        apart = (mine.grad - theirs.grad).norm() / theirs.grad.norm()
        assert apart < 0.02
