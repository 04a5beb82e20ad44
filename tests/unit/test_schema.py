import json

import jsonschema
import pytest
import yaml

from sonoscope import storage
from sonoscope.errors import SonoscopeError
from sonoscope.settings import schema
from sonoscope.settings.root import Settings

REMEDY = "run: python workflow_scripts/docs/write_config_reference.py"


def test_schema_on_disk_is_current():
    assert (storage.WORKFLOW / "resources/config.schema.json").read_text() == schema.json_schema(), REMEDY


def test_table_in_the_readme_is_current():
    readme = storage.WORKFLOW / "README.md"
    if not readme.exists():
        pytest.skip("there is no README")
    text = readme.read_text()
    assert schema.replace_table(text) == text, REMEDY


def test_shipped_configuration_fits_the_schema():
    config = yaml.safe_load((storage.WORKFLOW / "config.yaml").read_text())
    jsonschema.validate(config, json.loads(schema.json_schema()))


@pytest.mark.parametrize("wrong", [{"seeed": 1}, {"presets": {"demo": {"seeed": 1}}}, {"seed": -1}])
def test_schema_refuses_what_the_models_refuse(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, json.loads(schema.json_schema()))


def test_every_setting_has_a_sentence():
    for path, field in schema.fields(Settings):
        assert field.description and field.description.strip().endswith("."), path


def test_table_shows_bounds_and_choices():
    assert "| `foundation.noop_repeats` | integer ≥ 2 ≤ 20 | `3` |" in schema.table()
    assert "text \\| null" in schema.table()


def test_table_goes_between_the_markers():
    text = f"before\n{schema.BEGIN}\nstale rows\n{schema.END}\nafter\n"
    new = schema.replace_table(text)
    assert new.startswith("before\n") and new.endswith("\nafter\n")
    assert "stale rows" not in new and "`seed`" in new
    assert schema.replace_table(new) == new
    with pytest.raises(SonoscopeError, match="README"):
        schema.replace_table("no markers")
