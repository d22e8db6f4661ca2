"""How often the sensors look."""

from dataclasses import dataclass

ORDINARY_SECONDS = 30


@dataclass(frozen=True)
class Pace:
    """automation_seconds: between two looks of the automation; the other sensors keep their proportion to it."""

    automation_seconds: int = ORDINARY_SECONDS

    def seconds(self, ordinary: int) -> int:
        """Between two looks of a sensor that ordinarily looks every so many seconds."""
        return max(1, round(ordinary * self.automation_seconds / ORDINARY_SECONDS))
