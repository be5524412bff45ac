"""An estimate as text of 80 columns, with two digits of each number."""

import textwrap
from math import floor, log10

from hearsay.estimate.estimate import Download, Estimate

WIDTH = 80
UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"))


def two_digits(value: float) -> str:
    """Round to two digits: 0.086, 8.6, 27, 2,100,000; nothing below a hundredth."""
    if value < 0.01:
        return "< 0.01" if value > 0 else "0"
    value = float(f"{value:.1e}")  # first, since 9.96 becomes 10
    places = 1 - floor(log10(value))
    return f"{value:,.{max(0, places)}f}"


def format_bytes(amount: float) -> str:
    """Write bytes with two digits, in MB, GB or TB."""
    unit, name = next((each for each in UNITS if amount >= each[0]), UNITS[-1])
    return f"{two_digits(amount / unit)} {name}"


def format_estimate(estimate: Estimate, title: str) -> str:
    """Write an estimate for people."""
    blocks = [
        [f"Estimate of {title}", "From nothing; two digits of each number."],
        _data(estimate),
        _jobs(estimate),
        _disk(estimate),
        _work(estimate),
        _downloads(estimate),
        _assumed(estimate),
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def _data(estimate: Estimate) -> list[str]:
    lines = [f"{'Clips':<24}{'listed':>14}{'expected':>14}{'hours of sound':>18}"]
    for each in estimate.data:
        hours = two_digits(each.available * each.duration_s / 3600)
        lines.append(
            f"  {each.name:<22}{each.listed:>14,}{two_digits(each.available):>14}{hours:>18}"
        )
    return lines


def _jobs(estimate: Estimate) -> list[str]:
    cells = [f"{rule:<24}{count:>7,}" for rule, count in estimate.jobs.items()]
    half = (len(cells) + 1) // 2
    rows = zip(cells[:half], [*cells[half:], ""], strict=False)
    return [
        f"Jobs: {sum(estimate.jobs.values()):,}",
        *(f"  {left}{'':6}{right}".rstrip() for left, right in rows),
    ]


def _disk(estimate: Estimate) -> list[str]:
    mark = _mark(estimate, "media_bytes_per_s.")
    lines = ["Disk"]
    for kind, amount in estimate.disk_bytes.items():
        starred = f"{kind}{mark}" if kind == "media" else kind
        lines.append(f"  {starred:<22}{format_bytes(amount):>14}")
    total = sum(estimate.disk_bytes.values())
    return [*lines, f"  {'all':<22}{format_bytes(total):>14}"]


def _work(estimate: Estimate) -> list[str]:
    lines = [
        f"{'Work':<24}{'without a card':>14}{'with cards':>32}",
        f"{'':<24}{'core-hours':>14}{'core-hours':>16}{'GPU-hours*':>16}",
    ]
    for each in estimate.work:
        if each.jobs:
            mark = _mark(estimate, "fetch_s.") if each.stage == "fetch" else ""
            lines.append(_work_line(each.stage + mark, each.core_s, each.card_core_s, each.card_s))
    totals = [
        sum(getattr(each, name) for each in estimate.work)
        for name in ("core_s", "card_core_s", "card_s")
    ]
    lines.append(_work_line("all", *totals))
    trained = f"Training: {estimate.training_flops:.1e} floating-point operations"
    return [*lines, f"  {trained}, all epochs counted."]


def _work_line(stage: str, core_s: float, card_core_s: float, card_s: float) -> str:
    hours = [two_digits(seconds / 3600) for seconds in (core_s, card_core_s, card_s)]
    cards = hours[2] if card_s else "–"
    return f"  {stage:<22}{hours[0]:>14}{hours[1]:>16}{cards:>16}"


def _downloads(estimate: Estimate) -> list[str]:
    if not estimate.downloads:
        return []
    head = f"{'Downloads':<24}{'clips':>14}{'an hour':>10}{'days':>10}{'with an account':>18}"
    return [head, *map(_download, estimate.downloads)]


def _download(each: Download) -> str:
    limit, days = "no limit", "–"
    if each.clips_per_hour is not None and each.days is not None:
        limit, days = f"{each.clips_per_hour:,.0f}", two_digits(each.days)
    account = two_digits(each.account_days)
    return f"  {each.dataset:<22}{each.clips:>14,}{limit:>10}{days:>10}{account:>18}"


def _mark(estimate: Estimate, group: str) -> str:
    """Return the mark of a number behind which a rate of the group is assumed."""
    return "*" if any(name.startswith(group) for name in _used(estimate)) else ""


def _used(estimate: Estimate) -> list[str]:
    """Name the assumed rates that numbers of this estimate hang on."""
    media = {each.media for each in estimate.data}
    needed = {f"{group}.{name}" for group in ("media_bytes_per_s", "fetch_s") for name in media}
    needed |= {f"gpu_flops.{kind}" for kind in estimate.networks}
    needed |= {"step_s.gpu"} if estimate.networks else set()
    named = ("media_bytes_per_s.", "fetch_s.", "gpu_flops.", "step_s.gpu")
    return [name for name in estimate.assumed if name in needed or not name.startswith(named)]


def _assumed(estimate: Estimate) -> list[str]:
    used = _used(estimate)
    if not used:
        return []
    lines = ["* Assumed, not measured (workflow/rates.yaml; --rates takes your own):"]
    for name in used:
        text = f"{name}: {estimate.assumed[name]}"
        lines += textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ")
    return lines
