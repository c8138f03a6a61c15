"""``python -m tests.attack``: attack a service of its own and print what was found. Exit code 1 if it did not hold."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.attack import bodies, clients, probes, uploads, writes
from tests.attack.service import Found, Service, running_service

Attack = Callable[[Service], Found]

ATTACKS: dict[str, Attack] = {
    "bodies": bodies.big_bodies_without_a_key,
    "forms": bodies.forms_with_a_key,
    "nesting": bodies.nested_and_encoded,
    "early": bodies.early_answers,
    "headers": clients.lines_in_headers,
    "isolation": probes.isolation,
    "generated": probes.generated_requests,
    "files": uploads.files_that_cost_time,
    "slow": clients.slow_and_silent_clients,
    "disk": writes.full_disk,
    "kills": writes.kills,
    "modes": bodies.files_are_private,
}


def run_attacks(names: list[str]) -> list[tuple[Found, float]]:
    """What these attacks found, and the seconds that each took."""
    results = []
    with running_service() as service:
        for name in names:
            began = time.monotonic()
            try:
                found = ATTACKS[name](service)
            except Exception as error:
                found = Found(name, f"{type(error).__name__}: {error}", held=False)
            results.append((found, time.monotonic() - began))
    return results


def main() -> int:
    """Run the attacks that are named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description="Attack a Daftari on loopback.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which attacks to run: {', '.join(ATTACKS)}")
    names = parser.parse_args().names or list(ATTACKS)
    unknown = [name for name in names if name not in ATTACKS]
    if unknown:
        parser.error(f"there is no attack {unknown[0]!r}; there are {', '.join(ATTACKS)}")
    results = run_attacks(names)
    table = Table("attack", "found", "seconds", "held", box=SIMPLE_HEAD)
    for found, seconds in results:
        table.add_row(Text(found.what), Text(found.measured), f"{seconds:.0f}", "yes" if found.held else "NO")
    Console(width=140 if not sys.stdout.isatty() else None).print(table)
    return 0 if all(found.held for found, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
