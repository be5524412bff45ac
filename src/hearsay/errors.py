"""The one exception whose text is meant for the user."""


class HearsayError(Exception):
    """Report what is wrong, where, and what to do, in one line; the CLI prints it and exits 1."""
