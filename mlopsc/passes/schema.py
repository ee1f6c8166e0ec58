"""The JSON Schema of the Plan, as checked in at docs/plan.schema.json."""

from __future__ import annotations

import json

from mlopsc.ir.plan import Plan


def plan_schema() -> str:
    """The schema's text: sorted keys, so that it changes only with the Plan."""
    schema = Plan.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
