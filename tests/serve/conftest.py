from collections.abc import Iterator
from pathlib import Path

import pytest

from hearsay.search.engine import Engine
from tests.serve.loopback import Loopback, serving
from tests.serve.small_index import make_small_index


@pytest.fixture(scope="session")
def index_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_small_index(tmp_path_factory.mktemp("searched"))


@pytest.fixture(scope="session")
def engine(index_folder) -> Iterator[Engine]:
    opened = Engine.open(index_folder)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def server(engine: Engine) -> Iterator[Loopback]:
    with serving(engine) as loopback:
        yield loopback
