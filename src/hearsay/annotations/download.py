"""Bring one annotation file from its public address, or from a local path."""

import shutil
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

from hearsay.errors import HearsayError
from hearsay.files import atomic_path

TIMEOUT_S = 60


def fetch_annotations(address: str, file: Path) -> None:
    """Copy an http(s) address or a local path to `file`, whole or not at all.

    Raises:
        HearsayError: the address does not answer with the whole file, or the path is absent.
    """
    if not address.startswith(("http://", "https://")):
        path = Path(address)
        if not path.is_file():
            raise HearsayError(f"annotation file {address} does not exist; mend its path in config")
        with atomic_path(file) as temporary:
            shutil.copyfile(path, temporary)
        return
    try:
        with (
            urllib.request.urlopen(address, timeout=TIMEOUT_S) as response,
            atomic_path(file) as temporary,
            temporary.open("wb") as output,
        ):
            shutil.copyfileobj(response, output)
            expected = response.headers.get("Content-Length")
            if expected is not None and output.tell() != int(expected):
                raise HearsayError(
                    f"{address}: {output.tell()} of {expected} bytes came; run again"
                )
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        raise HearsayError(
            f"{address} cannot be fetched ({error}); try again, or give a local path in config"
        ) from error
