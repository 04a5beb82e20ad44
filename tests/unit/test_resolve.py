import pytest
import yaml
from pydantic import ValidationError

from sonoscope import storage
from sonoscope.settings import rules
from sonoscope.settings.resolve import SettingsError, merge, resolve
from sonoscope.settings.root import Settings

CONFIG = yaml.safe_load((storage.WORKFLOW / "config.yaml").read_text())


@pytest.mark.parametrize("preset", CONFIG["presets"])
def test_every_shipped_preset_resolves(preset):
    settings = resolve(CONFIG | {"preset": preset})
    assert settings.folder == preset
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_defaults_then_preset_then_own_keys():
    presets = {"demo": {"seed": 3, "foundation": {"noop_repeats": 4}, "results_table": {"study": "steering"}}}
    settings = resolve({"presets": presets, "foundation": {"noop_repeats": 5}})
    assert (settings.seed, settings.foundation.noop_repeats) == (3, 5)
    assert (settings.results_table.study, settings.results_table.latest_only) == ("steering", True)
    assert settings.run is None


def test_text_from_the_command_line_becomes_numbers():
    settings = resolve({"presets": {"demo": {}}, "seed": "7", "foundation": {"noop_repeats": "5"}, "run": "mine"})
    assert (settings.seed, settings.foundation.noop_repeats, settings.folder) == (7, 5, "mine")


def test_all_errors_at_once_with_path_value_suggestion_and_origin():
    presets = {"demo": {"foundation": {"noop_repeats": 99}, "sead": 1}}
    with pytest.raises(SettingsError) as caught:
        resolve({"presets": presets, "seed": -1, "results_table": {"latest": True}, "wrld": {}})
    said = str(caught.value)
    assert "foundation.noop_repeats: input should be less than or equal to 20, got 99 (in preset 'demo')" in said
    assert "sead: no such setting; did you mean 'seed'? (in preset 'demo')" in said
    assert "seed: input should be greater than or equal to 0, got -1\n" in said
    assert "results_table.latest: no such setting; did you mean 'latest_only'?\n" in said
    assert "wrld: no such setting" in said
    assert len(said.splitlines()) == 6


def test_a_section_that_is_no_mapping_is_an_error():
    with pytest.raises(SettingsError, match=r"foundation: .*got 3"):
        resolve({"presets": {"demo": {}}, "foundation": 3})


@pytest.mark.parametrize("config", [{"preset": "demi", "presets": {"demo": {}}}, {"preset": "demi"}])
def test_unknown_preset_is_an_error(config):
    with pytest.raises(SettingsError, match="there is no preset 'demi'"):
        resolve(config)


def test_run_names_one_folder():
    for name in ("a/b", "..", "", "-x"):
        with pytest.raises(SettingsError, match="run: "):
            resolve({"presets": {"demo": {}}, "run": name})


def test_settings_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().seed = 1


def test_merge_replaces_lists_and_leaves_its_arguments_alone():
    base = {"a": {"b": [1, 2], "c": 1}}
    assert merge(base, {"a": {"b": [3]}}) == {"a": {"b": [3], "c": 1}}
    assert base == {"a": {"b": [1, 2], "c": 1}}


def test_a_section_for_a_rule_is_plain_and_ordered():
    settings = Settings()
    assert rules.section(settings, "results_table") == {"latest_only": True, "study": None}
    assert list(rules.section(settings, "results_table")) == ["latest_only", "study"]
    assert rules.section(settings, "foundation.noop_repeats") == 3
    assert rules.section(settings, "dynamics.betavae.variants")["betavae_pred"]["pred"] == 0.1  # models inside, too


def test_stages_draw_different_seeds_from_one():
    seeds = {rules.seed(Settings(seed=s), stage) for s in (0, 1) for stage in ("world", "latents")}
    assert len(seeds) == 4
    assert all(0 <= s < 2**31 for s in seeds)
    assert rules.seed(Settings(), "world") == rules.seed(Settings(), "world") == 2105936594


def test_a_section_keeps_the_defaults_of_its_own_place():
    """Optimisers have other defaults in one place than in another; changing one key leaves the others."""
    settings = resolve({"presets": {"demo": {}}, "training": {"codec": {"decoder_optimiser": {"steps": 7}}}})
    ours, theirs = settings.training.codec.decoder_optimiser, Settings().training.codec.decoder_optimiser
    assert ours == theirs.model_copy(update={"steps": 7}) and ours.learning_rate == 6e-4
