"""Atomic writing: a file under its final name is always complete."""

import errno
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hearsay.errors import HearsayError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}  # what a write meets


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path` that takes its name once the block has succeeded.

    A block that fails leaves neither the temporary file nor a changed `path`. The temporary
    name keeps the suffix, since numpy and matplotlib choose the format by it. What a killed
    process has left of the same file is removed: nobody else writes it at the same time.

    Raises:
        HearsayError: the disk is full or the folder cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        names = (temporary.name, path.name, path.parent.name)
        if Path(error.filename).name not in names if error.filename else error.errno not in FULL:
            raise  # reading failed, or a network
        raise cannot_write(path, error) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def cannot_write(path: Path, error: OSError) -> HearsayError:
    """Say that the disk is full or the folder cannot be written."""
    return HearsayError(
        f"cannot write {path}: {error.strerror or error}; free space or mend the folder, "
        "then start the same command again"
    )


def _remove_leftovers(path: Path) -> None:
    first, last = f".{path.stem}.", f".partial{path.suffix}"
    for leftover in path.parent.glob(f"{escape(first)}*{escape(last)}"):
        if leftover.name[len(first) : -len(last)].isdigit():  # else of a longer name
            leftover.unlink(missing_ok=True)


def write_text(text: str, path: Path) -> None:
    """Write a text as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_parquet(
    table: "pd.DataFrame | pa.Table", path: Path, rows_per_group: int | None = None
) -> None:
    """Write a table as Parquet, atomically.

    Args:
        rows_per_group: so many rows can be read without the others; None: about a million.
    """
    import pandas as pd  # here, since the command line reads JSON alone and starts at once
    import pyarrow as pa
    import pyarrow.parquet as pq

    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table, preserve_index=False)
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, row_group_size=rows_per_group, compression="zstd")


def write_torch(value: Any, path: Path) -> None:
    """Write tensors in containers by torch.save, atomically."""
    import torch  # here, since most steps do without it

    with atomic_path(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(value, file)
        except RuntimeError as error:  # torch closes its archive and says that instead
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def write_json(value: Any, path: Path) -> None:
    """Write a value as indented JSON, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, sort_keys=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        HearsayError: the file is absent or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; the step that writes it has not run") from None
    except json.JSONDecodeError as error:
        raise HearsayError(f"{path} is not JSON ({error}); remove it and run again") from error


def check_is_file(path: Path) -> None:
    """Check that a path which a user gives leads to a file.

    Raises:
        HearsayError: it does not exist, cannot be reached, or is a folder, a device or the like.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist") from None
    except OSError as error:
        raise HearsayError(f"{path} cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(mode):
        raise HearsayError(f"{path} is no file, but a folder or the like; give a file")
