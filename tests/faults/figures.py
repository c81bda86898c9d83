"""How often the slow ones go round, and what they counted."""

import json
import os
from typing import Any


def rounds(full: int, variable: str) -> int:
    """`full` when the variable says so (or any other number it gives); a tenth by default."""
    given = os.environ.get(variable, "")
    return int(given) if given else full // 10


class Figures(dict[str, Any]):
    """Counts by name. Of nothing found in n trials, at most 3/n could have gone unseen (95 %)."""

    def __str__(self) -> str:
        return json.dumps(self)
