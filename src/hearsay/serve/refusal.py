"""A request that is answered by an error: its status and its one line."""

from collections.abc import Mapping

RETRY_AFTER_S = 2


class Refusal(Exception):
    """Answer a request with a status and {"error": message}.

    Attributes:
        closes: the connection too, since the rest of the request was not read.
    """

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        closes: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = " ".join(message.split())
        self.headers = {**(headers or {}), **({"Connection": "close"} if closes else {})}


def busy(what: str, closes: bool = False) -> Refusal:
    """Refuse for now, since too many of something are under way."""
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return Refusal(503, f"too many {what}; ask again in a moment", headers, closes)
