from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.search.searched_runs import METHODS, Searched, make_searched

from hearsay.search.engine import Engine


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    return make_searched(tmp_path_factory.mktemp("searched"))


@pytest.fixture(scope="session")
def engines(searched: Searched) -> Iterator[dict[str, Engine]]:
    opened = {method: Engine.open(Path(searched.index(method))) for method in METHODS}
    yield opened
    for engine in opened.values():
        engine.close()
