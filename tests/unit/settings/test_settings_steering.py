import pytest
from pydantic import ValidationError

from sonoscope.directions.layers import layer_weights
from sonoscope.directions.registry import ESTIMATORS
from sonoscope.directions.schedules import schedule
from sonoscope.settings.steering import EstimatorName, Steering


def test_defaults_hold_together():
    settings = Steering()
    assert settings.coefficients == [0.0, 0.02, 0.05, 0.1] and settings.coefficient_unit == "relative"
    assert "random" in settings.steer_with
    assert schedule(settings.schedule.name, **settings.schedule.parameters)(10) == 1
    assert layer_weights([0.6, 0.9], settings.layers.rule, kappa=settings.layers.kappa).tolist() == [0, 1]
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
        ({"coefficients": [0.1, 0.2]}, "expected 0"),
        ({"seeds": [1, 1]}, "each value once"),
        ({"steer_with": ["pca"], "estimators": ["rfm"]}, "pca must also stand in estimators"),
        ({"gate": 0.0}, "greater than 0"),
        ({"rfm": {"iterations": 16}}, "less than or equal to 15"),
        ({"rfm": {"penalty": [1.0, 0.1]}}, "low <= high"),
        ({"branch": "conditional"}, "'both', 'cond' or 'null'"),
        ({"coefficient": [1.0]}, "Extra inputs"),
    ],
)
def test_wrong_settings_are_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        Steering.model_validate(values)
