"""Read an annotation file whole as text."""

from pathlib import Path

from hearsay.errors import HearsayError


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """Read an annotation file in the encoding that its data set is documented to have.

    Raises:
        HearsayError: it is absent, or in another encoding.
    """
    try:
        return path.read_text(encoding=encoding)
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; the rule that fetches it has not run") from None
    except UnicodeDecodeError as error:
        raise HearsayError(f"{path} is not {encoding} ({error}); fetch it again") from error
