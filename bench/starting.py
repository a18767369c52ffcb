"""Cases without a cluster: how fast a mistake is told, and what the image weighs."""

import statistics

from bench.contestants import Contestants
from bench.results import Bar, Result
from demo import image

INPUT_ERROR = 2
MEGABYTE = 1_000_000


def input_error(contestants: Contestants) -> Result:
    """A misspelt action. CPU time, because that is what start-up costs on any machine."""
    runs = [contestants.action({"action": "delpoy"}, expect=INPUT_ERROR) for _ in range(15)]
    return Result(
        case="an input error",
        seconds={"action": statistics.median(run.wall for run in runs)},
        bars=(
            Bar(what="CPU time until it is told", limit=0.15, unit="s",
                value=statistics.median(run.cpu for run in runs)),
        ),
    )  # fmt: skip


def image_size(contestants: Contestants) -> Result:
    name = image.build(contestants.bed)
    size = image.size_without_base(name, contestants.bed.base or image.default_base())
    return Result(
        case="the image",
        bars=(
            Bar(what="compressed, without its base", value=size / MEGABYTE, limit=60, unit="MB"),
        ),
    )
