"""What a system under test is; a family is one module, loaded when it is asked for."""

from importlib import import_module

from hearsay.errors import HearsayError
from hearsay.families import FAMILIES
from hearsay.methods.family import Family, Options


def make_family(options: Options, stage: str) -> Family:
    """Make the family that `options["family"]` names, for one stage.

    Raises:
        HearsayError: the family is unknown.
    """
    name = options["family"]
    if name not in FAMILIES:
        raise HearsayError(
            f"methods: family {name!r} is not defined; known: {', '.join(sorted(FAMILIES))}"
        )
    module, _, attribute = FAMILIES[name].implementation.partition(":")
    family: Family = getattr(import_module(module), attribute)(options, stage)
    return family
