import pytest
from pydantic import ValidationError

from sonoscope.directions.layers import layer_weights
from sonoscope.directions.registry import ESTIMATORS
from sonoscope.directions.schedules import schedule
from sonoscope.settings.steering import EstimatorName, Steering


def test_defaults_hold_together():
    settings = Steering()
    assert settings.coefficients == [0.02, 0.05, 0.1] and settings.handling.coefficient_unit == "relative"
    assert "random" in settings.steer_with
    assert schedule(settings.handling.schedule.name, **settings.handling.schedule.parameters)(10) == 1
    assert layer_weights([0.6, 0.9], settings.handling.layers.rule, kappa=settings.handling.layers.kappa).tolist() == [
        0,
        1,
    ]
    assert Steering.model_validate(settings.model_dump(mode="json")) == settings


def test_every_estimator_has_a_name_in_the_settings():
    assert set(EstimatorName.__args__) == set(ESTIMATORS)


def models(model, seen=()):
    yield model
    for field in model.model_fields.values():
        inner = field.annotation
        for candidate in (inner, *getattr(inner, "__args__", ())):
            if hasattr(candidate, "model_fields"):
                yield from models(candidate)


def test_every_field_says_what_it_is():
    for model in models(Steering):
        for name, field in model.model_fields.items():
            assert field.description and field.description.endswith("."), f"{model.__name__}.{name}"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"coefficients": [0.2, 0.3]}, "headline: expected one of coefficients"),
        ({"concepts": [{"concept": "chords", "target": "sus4"}]}, "expected one of major, minor, aug, dim"),
        ({"concepts": [{"concept": "tempo", "target": "bpm"}]}, "concept: expected one of notes"),
        ({"experiments": {"notes-C": {}}}, "is the name of a curve"),
        ({"experiments": {"pair": {"variants": {"first": {"pushes": [1]}}}}}, "expected 0 to 0, found 1"),
        ({"seeds": [1, 1]}, "each value once"),
        ({"steer_with": ["pca"], "fit": {"estimators": ["rfm"]}}, "pca must also stand in fit.estimators"),
        ({"handling": {"gate": 0.0}}, "greater than 0"),
        ({"fit": {"rfm": {"iterations": 16}}}, "less than or equal to 15"),
        ({"fit": {"rfm": {"penalty": [1.0, 0.1]}}}, "low <= high"),
        ({"handling": {"branch": "conditional"}}, "'both', 'cond' or 'null'"),
        ({"coefficient": [1.0]}, "Extra inputs"),
    ],
)
def test_wrong_settings_are_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        Steering.model_validate(values)


def test_curves_and_experiments_are_completed():
    settings = Steering.model_validate(
        {
            "concepts": [
                {"concept": "notes", "target": "C"},
                {"concept": "chords", "target": "every"},
                {"concept": "tempos", "target": "bpm", "pooling": "last"},
                {"concept": "tempos", "target": "bpm"},
            ],
            "experiments": {"gates": {"coefficients": [0.0, 0.2], "variants": {"open": {}, "half": {"gate": 0.5}}}},
        }
    )
    found = settings.all_experiments()
    assert list(found)[:2] == ["notes-C", "chords-major"]
    assert {"chords-dim", "tempos-bpm", "tempos-bpm-mean", "gates"} < set(found)
    assert [found[n].key for n in ("notes-C", "chords-major", "chords-minor")] == ["notes", "chords", "chords-minor"]
    assert found["tempos-bpm"].coefficients == [-0.1, -0.05, -0.02, 0.02, 0.05, 0.1]
    gates = found["gates"]
    assert (gates.coefficients, gates.headline, gates.estimators) == ([0.2], 0.2, settings.steer_with)
    assert [gates.handling(v).gate for v in gates.variants] == [1.0, 0.5]


def test_the_values_of_concepts_are_those_of_the_corpus():
    from sonoscope.settings.concepts import CONCEPTS, TEMPO, VALUES, slug
    from sonoscope.symbolic import syntheory

    assert CONCEPTS == syntheory.CONCEPTS
    for concept in CONCEPTS:
        labels = {clip.labels[syntheory.LABEL[concept]] for clip in syntheory.compose(concept)}
        if VALUES[concept] != (TEMPO,):
            assert {slug(concept, label) for label in labels} == set(VALUES[concept])


def test_a_number_is_not_pushed_by_an_estimator_of_classes():
    tempo = {"concept": "tempos", "target": "bpm", "steer_with": ["ridge", "lda"]}
    with pytest.raises(ValidationError, match="tempos-bpm: lda needs classes and bpm is a number; use ridge"):
        Steering.model_validate({"concepts": [tempo]})
