"""A request that is answered by an error: its status and its one line."""

from collections.abc import Mapping


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
