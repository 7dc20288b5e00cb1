"""Draw every figure of a finished run again, from its records: python draw_figures.py RUN INTO.

The job of each figure runs once in this process, from the repository as working directory; the
figures are written by the runner's own function, below the folder INTO.
"""

import inspect
import sys
from collections import defaultdict
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

from matplotlib.figure import Figure

from replicortex.core.files import FIGURE_SUFFIXES
from replicortex.core.runner import write_results
from replicortex.core.section import typed
from replicortex.plotting.style import Pages
from replicortex.provenance.records import read as read_record


def draw(run: Path, into: Path) -> None:
    """Draw the figures below `run` into the same places below `into`."""
    places = defaultdict(dict)  # by the job's id, then by the figure's name
    found_records = {}
    drawn = list(run.rglob("*.svg.record.json"))
    # Pages are a PDF alone, other figures have three forms.
    alone = [
        path
        for path in run.rglob("*.pdf.record.json")
        if path.with_name(path.name.replace(".pdf.", ".svg.")) not in drawn
    ]
    for path in sorted([*drawn, *alone]):
        record = read_record(path)
        found_records[record["id"]] = record
        name = path.name.partition(".")[0]
        places[record["id"]][name] = into / path.relative_to(run).parent / name
    for identity, record in found_records.items():
        module, _, name = record["job"]["call"].partition(":")
        function = getattr(import_module(module), name)
        asked = inspect.signature(function).parameters
        given = {}
        for key, entries in record["inputs"].items():
            paths = [Path(entry["path"]) for entry in entries]
            many = key in asked and "list" in str(asked[key].annotation)
            given[key] = paths if many else paths[0]
        found = function(**typed(function, record["job"]["arguments"]), **given)
        if isinstance(found, Figure):  # of a job that draws one
            found = dict.fromkeys(places[identity], found)
        figures = {key: value for key, value in found.items() if isinstance(value, Figure | Pages)}
        outputs = {key: _files(key, figures, places[identity]) for key in figures if key != "pages"}
        if "pages" in figures:
            outputs["pages"] = places[identity]["claims"].with_name("claims.pdf")
        as_recorded = SimpleNamespace(
            what=record["job"],
            synthetic=record["synthetic"],
            of_seed=lambda _, identity=identity: identity,
        )
        write_results(figures, outputs, as_recorded, [])


def _files(output: str, figures: dict[str, Figure], places: dict[str, Path]) -> list[Path]:
    """Return where a job's output lies: it is named as its files are, or it is the only one."""
    place = places.get(output) or places.get(output.removesuffix("_figure"))
    if place is None:
        ((_, place),) = places.items()
        assert len(figures) == 1
    return [place.with_name(f"{place.name}{suffix}") for suffix in FIGURE_SUFFIXES]


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
