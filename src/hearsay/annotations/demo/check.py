"""Refuse demo options that make no data set, before any work."""

from typing import Any

from hearsay.errors import HearsayError

SHARES = ("disagreement", "object_visible", "unmentioned")


def check_options(options: dict[str, Any], num_clips: int) -> None:
    """Check the section `datasets.*.demo` of config.

    Raises:
        HearsayError: a share outside 0 to 1, breakages of more than all clips, a background
            level whose low end lies above its high end, or splits that leave no train clip.
    """
    shares = {name: options[name] for name in SHARES}
    shares |= {f"broken.{name}": share for name, share in options["broken"].items()}
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise HearsayError(f"demo: {name} {share} is no share; give a number from 0 to 1")
    together = sum(options["broken"].values())
    if together > 1:
        raise HearsayError(
            f"demo: the shares of broken add up to {together:g}; a clip breaks in one way only, "
            "so they may add up to 1 at most"
        )
    low_db, high_db = options["background_db"]
    if low_db > high_db:
        raise HearsayError(
            f"demo: background_db [{low_db:g}, {high_db:g}] begins above its end; swap the two"
        )
    num_val, num_test = options["num_val"], options["num_test"]
    if min(num_val, num_test) < 0 or num_val + num_test >= num_clips:
        raise HearsayError(
            f"demo: num_val {num_val} and num_test {num_test} leave no train "
            f"clip of num_clips {num_clips}, or are negative"
        )
