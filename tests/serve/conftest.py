from collections.abc import Iterator
from pathlib import Path

import pytest

from hearsay.search.engine import Engine
from tests.search.searched_runs import Searched, make_searched
from tests.serve.loopback import Loopback, serving


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    return make_searched(tmp_path_factory.mktemp("searched"))


@pytest.fixture(scope="session")
def index_folder(searched: Searched) -> Path:
    return searched.index("pictures")


@pytest.fixture(scope="session")
def engine(index_folder) -> Iterator[Engine]:
    opened = Engine.open(index_folder)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def server(engine: Engine) -> Iterator[Loopback]:
    with serving(engine) as loopback:
        yield loopback


@pytest.fixture(scope="session")
def clip_id(engine: Engine) -> str:
    return engine.by_text("sound", 1)[0].clip_id
