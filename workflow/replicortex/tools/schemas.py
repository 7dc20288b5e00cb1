"""JSON schemas of the configuration files, for editors; generated from the models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from replicortex.core import config


def schemas(root: Path) -> dict[str, str]:
    """Return the text of each schema file by its name."""
    models = {"config": config.Settings.model_json_schema()}
    for paper in config.paper_names(root):
        models[paper] = _with_scales(config.numbers_model(paper).model_json_schema())
    return {
        f"workflow/schemas/{name}.schema.json": json.dumps(schema, indent=1, sort_keys=True) + "\n"
        for name, schema in models.items()
    }


def _with_scales(schema: dict[str, Any]) -> dict[str, Any]:
    """Add the scales' sections, in which no key is required."""
    partial = {"type": "object", "additionalProperties": False}
    partial["properties"] = {name: {} for name in schema["properties"]}
    sections = dict.fromkeys(config.SECTIONS, partial)
    return {**schema, "properties": {**schema["properties"], **sections}}


def stale(root: Path) -> list[str]:
    """Return the schema files that do not match the models."""
    return [
        name
        for name, text in schemas(root).items()
        if not (root / name).exists() or (root / name).read_text() != text
    ]


def write(root: Path) -> None:
    """Write all schema files."""
    for name, text in schemas(root).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
