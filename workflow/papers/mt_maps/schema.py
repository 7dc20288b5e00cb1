"""The numbers of the MT paper: types, units, ranges, and how they belong together."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from papers.mt_maps.conditions import arms, trainings
from papers.mt_maps.decoding_settings import FrameSettings, Kind, NoiseSettings
from papers.mt_maps.measuring_settings import Measured
from papers.mt_maps.ranges import Pan
from papers.mt_maps.stimulus_settings import ProbeSettings, StimulusSettings
from papers.mt_maps.training_settings import (
    Block,
    ClipSettings,
    Flip,
    Form,
    LayerSettings,
    Mode,
    Motion,
    MotionEnergySettings,
    NetworkSettings,
    Order,
    Pairs,
    PlacingSettings,
    SpatialSettings,
    TaskSettings,
    TrainingSettings,
)
from replicortex.core.quantities import Apart, NotNegative, PositiveInt, Share
from replicortex.core.schema import Name, TrainedNumbers
from replicortex.core.section import Section
from replicortex.data import video
from replicortex.data.needed import Names, Needed
from replicortex.tools.costs import Workload


class Source(Section):
    """Videos, pictures or noise, and the task on them."""

    dataset: str | None = Field(default=None, description="none for the kind noise")
    kind: Kind
    noise: NoiseSettings | None = Field(default=None, description="for the kind noise alone")
    pairs: Pairs
    pan: Pan = Field(description="speed of the crop, pixels per frame, from and to")
    jitter: Share = Field(description="share of the views whose light changes")
    blur: Share = Field(description="share of the views that are blurred")
    shards: PositiveInt


class ClipsChange(Section):
    """What an arm may change of the clips."""

    flip: Flip | None = None
    motion: Motion | None = None
    pairs: Pairs | None = None
    order: Order | None = None
    pan: Pan | None = None


class TaskChange(Section):
    """What an arm may change of the task."""

    weight: NotNegative | None = None


class SpatialChange(Section):
    """What an arm may change of the spatial loss."""

    form: Form | None = None


class PlacingChange(Section):
    """What an arm may change of the placing."""

    mode: Mode | None = None


class Change(Section):
    """What an arm changes."""

    clips: ClipsChange | None = None
    task: TaskChange | None = None
    spatial: SpatialChange | None = None
    placing: PlacingChange | None = None


class Arm(Section):
    """A set of networks."""

    job: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    source: str
    seeds: PositiveInt
    stages: Annotated[list[Literal["reference", "random", "pretrained"]], Apart]
    alphas: dict[Literal["continue", "restart"], Annotated[list[NotNegative], Apart]] = Field(
        min_length=2, description="weights of the spatial loss, by how the joint training begins"
    )
    change: Change


# Networks whose steps were timed: widths, blocks, frames and side of the clips.
TIMED = {
    "full": ([64, 128, 256, 512], [2, 2, 2, 2], 16, 112),
    "small": ([8, 16, 40, 40], [1, 1, 1, 1], 8, 32),
}


class Numbers(TrainedNumbers):
    """All numbers of this paper at one scale."""

    pack: Literal["network", "seeds"] = Field(description="what one job measures")
    sources: dict[Name, Source] = Field(min_length=1)
    pictures: str | None
    store: FrameSettings
    clips: ClipSettings
    network: NetworkSettings
    task: TaskSettings
    layers: list[LayerSettings] = Field(min_length=1)
    map_layer: Block
    spatial: SpatialSettings
    placing: PlacingSettings
    training: TrainingSettings
    motion_energy: MotionEnergySettings
    arms: dict[Name, Arm] = Field(min_length=1)
    stimuli: StimulusSettings
    probe: ProbeSettings
    measured: Measured

    @model_validator(mode="after")
    def _belong_together(self) -> "Numbers":
        """Refuse sections that contradict each other: network, clips, sources, arms, stimuli, queue."""
        self._network_fits()
        self._layers_fit()
        if self.clips.blur[0] > self.clips.blur[1]:
            raise ValueError(f"clips.blur: {self.clips.blur} found, the smaller sigma comes first")
        for name, source in self.sources.items():
            self._source_fits(name, source)
        for name, arm in self.arms.items():
            self._arm_fits(name, arm)
        if self.pictures is not None and self.pictures not in self.sources:
            raise ValueError(f"pictures: '{self.pictures}' is none of sources")
        self._speeds_are_measured()
        if self.task.queue < self.clips.batch:
            raise ValueError(
                f"task.queue: {self.task.queue} keys are fewer than a batch of {self.clips.batch}"
            )
        return self

    def _network_fits(self) -> None:
        """Refuse stages of unequal number, and colours that the frames do not have."""
        net = self.network
        if not len(net.widths) == len(net.blocks) == len(net.strides):
            raise ValueError(
                f"network: {len(net.widths)} widths, {len(net.blocks)} blocks and "
                f"{len(net.strides)} strides; each stage has one of each"
            )
        colours = net.colours
        if self.store.grey != (colours == 1) or {len(self.clips.mean), len(self.clips.sd)} != {
            colours
        }:
            raise ValueError(
                f"network.colours: {colours} does not fit store.grey and clips.mean and sd"
            )

    def _layers_fit(self) -> None:
        """Refuse sheets that the network lacks or has twice, and neighbourhoods of no size."""
        net = self.network
        twice = [layer.block for layer in self.layers]
        for block in twice:
            if twice.count(block) > 1:
                raise ValueError(f"layers: '{block}' is given more than once")
        if self.spatial.fewest > self.spatial.most:
            raise ValueError(
                f"spatial: fewest, {self.spatial.fewest}, is more than most, {self.spatial.most}"
            )
        blocks = {f"layer{n}.{k}" for n, count in enumerate(net.blocks, 1) for k in range(count)}
        for layer in self.layers:
            if layer.block not in blocks:
                raise ValueError(f"layers: the network has no '{layer.block}'")
        if self.map_layer not in {layer.block for layer in self.layers}:
            raise ValueError(f"map_layer: '{self.map_layer}' is none of layers")

    def _source_fits(self, name: str, source: Source) -> None:
        """Refuse a source without what its kind needs, or whose clips leave its frames."""
        made = source.kind == "noise"
        if made == (source.dataset is not None) or made == (source.noise is None):
            raise ValueError(
                f"sources.{name}: the kind '{source.kind}' needs "
                + ("noise and no dataset" if made else "a dataset and no noise")
            )
        if source.noise and source.noise.frames < self.clips.frames * self.clips.step:
            raise ValueError(
                f"sources.{name}.noise.frames: {source.noise.frames} are fewer than a clip's"
            )
        if source.noise and source.shards > source.noise.videos:
            raise ValueError(f"sources.{name}.shards: more than videos")
        path = source.pan[1] * (self.clips.frames - 1) / self.clips.size
        if self.clips.crop[1] * (1 + path) > 1:
            raise ValueError(
                f"clips.crop: a window of {self.clips.crop[1]} of the frame leaves it when it pans "
                f"{path:.2f} of its side (sources.{name}.pan)"
            )

    def _speeds_are_measured(self) -> None:
        """Refuse stimuli none of which are as slow, or as fast, as what networks were trained on."""
        tested = {name: getattr(self.stimuli, name).speeds for name in ("gratings", "dots")}
        for name, source in self.sources.items():
            for (family, speeds), speed in product(tested.items(), source.pan):
                if speed and not min(speeds) <= speed <= max(speeds):
                    raise ValueError(
                        f"stimuli.{family}.speeds: {speeds} do not reach {speed} pixels a frame, at which "
                        f"crops move in training (sources.{name}.pan)"
                    )

    def _arm_fits(self, name: str, arm: Arm) -> None:
        """Refuse an arm of an unknown source, and a trained one of none."""
        if arm.source not in self.sources and arm.source != "none":
            raise ValueError(f"arms.{name}.source: '{arm.source}' is none of sources")
        if (arm.source == "none") != (arm.stages == ["reference"]):
            raise ValueError(f"arms.{name}: the reference, and it alone, has the source 'none'")

    def datasets(self) -> list[str]:
        """Names of the datasets that this scale reads."""
        named = (source.dataset for source in self.sources.values())
        return [name for name in dict.fromkeys(named) if name is not None]

    def expected(self, dataset: str, folder: Names, installed: Mapping[str, Path]) -> list[Needed]:
        """Return the files that the readers of a licensed dataset open."""
        sources = [s for s in self.sources.values() if s.dataset == dataset]
        if any(source.kind == "ucf101" for source in sources):
            return video.expected_ucf101(folder, self.store.split, "train")
        if any(source.kind == "videos" for source in sources):
            return [tuple(f"**/*{suffix}" for suffix in video.SUFFIXES)]
        return []

    def names(self) -> dict[str, list[Any]]:
        """Arms, strengths and sheets."""
        weights = [
            weight for arm in self.arms.values() for w in arm.alphas.values() for weight in w
        ]
        return {
            "arm": list(self.arms),
            "alpha": [0, *weights],
            "layer": [layer.block for layer in self.layers],
            "area": [layer.area for layer in self.layers],
        }

    def workload(self) -> list[Workload]:
        """Pairs of clips that each arm's trainings show; a training without a task costs less."""
        here = (self.network.widths, self.network.blocks, self.clips.frames, self.clips.size)
        timed = next((name for name, one in TIMED.items() if one == here), None)
        return [
            Workload(
                what=arm,
                trainings=count,
                images=pairs,
                benchmark="maps.json" if timed else "",
                key=("step", timed or "", "pairs_per_second"),
            )
            for arm, (count, pairs) in trainings(arms(self.model_dump())).items()
            if count
        ]
