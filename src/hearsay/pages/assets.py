"""Templates, stylesheet and scripts of the pages: the report's and those of `hearsay serve`."""

import json
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

# What could end a script element or a line of JavaScript; JSON knows them by number too.
_SCRIPT_SIGNS = {sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def read_asset(name: str) -> str:
    """Read one file of pages/static, such as `style.css`."""
    return files("hearsay.pages").joinpath("static", name).read_text(encoding="utf-8")


def page_environment(package: str) -> Environment:
    """Return Jinja for the templates of a package: all values are escaped, none may be absent.

    A template takes the shared files in with `asset("style.css")`, files beside it, unchanged, with
    `source("report.js")`, and data for its script with `value | for_script`.
    """
    loader = PackageLoader(package)
    environment = Environment(
        loader=loader,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals["asset"] = lambda name: Markup(read_asset(name))
    environment.globals["source"] = lambda name: Markup(loader.get_source(environment, name)[0])
    environment.filters["for_script"] = lambda value: Markup(json_for_script(value))
    return environment


def json_for_script(value: Any) -> str:
    r"""Write a value as JSON that may stand inside a script element, whatever texts it holds.

    Raises:
        ValueError: a number is not finite; JSON knows none.

    >>> json_for_script("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign, number in _SCRIPT_SIGNS.items():
        text = text.replace(sign, number)
    return text
