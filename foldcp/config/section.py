"""What all sections of the configuration have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

PositiveInt = Annotated[int, Field(ge=1)]


class _How:
    """Marks a key that says where or how to compute: no result depends on it, so a change redoes nothing."""


HOW = _How()


class Section(BaseModel):
    """A part of the configuration: no unknown keys, and no change once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)
