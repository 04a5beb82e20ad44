"""The base of every settings section: frozen, closed to unknown keys."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A group of settings that travels to a rule as one plain dictionary.

    Frozen, so that a setting cannot change on its way; closed, so that a misspelt key is an error.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
