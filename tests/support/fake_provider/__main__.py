"""Runs a fake provider until its standard input ends."""

from __future__ import annotations

import argparse

import uvloop

from tests.support.fake_provider import SECRET
from tests.support.fake_provider.server import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; it is printed")
    parser.add_argument("--secret", default=SECRET, help="what its reports are proved with")
    given = parser.parse_args()
    uvloop.run(run(given.port, given.secret))


if __name__ == "__main__":
    main()
