"""JSON schemas of the configuration files, for editors; generated from the models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from replicortex.core import config
from replicortex.core.scales import SECTIONS
from replicortex.core.table_schema import Tables


def schemas(root: Path) -> dict[str, str]:
    """Return the text of each schema file by its name."""
    models = {"config": config.Settings.model_json_schema(), "tables": _tables()}
    for paper in config.paper_names(root):
        models[paper] = _with_scales(config.numbers_model(paper).model_json_schema())
    return {
        f"workflow/schemas/{name}.schema.json": json.dumps(schema, indent=1, sort_keys=True) + "\n"
        for name, schema in models.items()
    }


def _tables() -> dict[str, Any]:
    """Return the schema of `tables.yaml`, in which the kind alone stands for a column too."""
    schema = Tables.model_json_schema()
    column = schema["$defs"]["Column"]
    schema["$defs"]["Column"] = {"anyOf": [{"enum": column["properties"]["kind"]["enum"]}, column]}
    return schema


def _with_scales(schema: dict[str, Any]) -> dict[str, Any]:
    """Add the scales' sections, in which no key is required."""
    partial = {"type": "object", "additionalProperties": False}
    partial["properties"] = {name: {} for name in schema["properties"]}
    sections = dict.fromkeys(SECTIONS, partial)
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
