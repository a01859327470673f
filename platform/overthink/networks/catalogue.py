"""The networks that a definition can name: a new one is a module with its specification, and its name here."""

from typing import Annotated

from pydantic import Field

from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.resnet_spec import ResNetSpec

NetworkSpec = Annotated[MSDNetSpec | ResNetSpec, Field(discriminator="kind")]
