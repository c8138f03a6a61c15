"""What Daftari's sending is compared with: a loop of the same HTTP library that sends, and keeps nothing.

Run by Daftari's Python: ``plain_sender.py URL MESSAGES IN_FLIGHT CALL_MAX`` prints seconds and processor seconds.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2

FIRST = 254_700_000_000
TEXT = "We open at nine."


def main() -> None:
    url, messages, in_flight, call_max = sys.argv[1], *map(int, sys.argv[2:5])
    numbers = [str(FIRST + place) for place in range(messages)]
    calls = [numbers[first : first + call_max] for first in range(0, messages, call_max)]
    limits = httpx2.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    with httpx2.Client(limits=limits) as client, ThreadPoolExecutor(in_flight) as threads:

        def send(to: list[str]) -> None:
            if call_max == 1:
                answer = client.post(f"{url}/Messages.json", data={"To": f"+{to[0]}", "From": "DUKA", "Body": TEXT})
            else:
                body = {"project": "Duka", "from": "DUKA", "to": ",".join(to), "channel": "sms", "message": TEXT}
                answer = client.post(f"{url}/messaging", json=body)
            answer.raise_for_status()

        began, before = time.perf_counter(), time.process_time()
        for _ in threads.map(send, calls):
            pass
        print(json.dumps([time.perf_counter() - began, time.process_time() - before]))


if __name__ == "__main__":
    main()
