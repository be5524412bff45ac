"""What a measured speed hangs on besides the code."""

import os
import platform
from typing import Any

import av
import numpy


def describe_machine(**versions: str) -> dict[str, Any]:
    """Return cores, load and versions, for the report of a benchmark."""
    return {
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "platform": platform.platform(),
        "versions": {
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "av": av.__version__,
            **versions,
        },
    }
