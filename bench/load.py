"""Load: so many callers ask a running server at once: `python -m bench.load URL [--clients 50] [--seconds 300]`.

Prints the answers by status, the times (p50, p95, worst), and how late a small route answers beside them, which is
what the event loop's lag looks like from outside. Run it against `footnote serve`.
"""

import argparse
import asyncio
import time
from collections import Counter

import httpx

QUESTIONS = (
    "How many days of annual leave do I get?",
    "How do I reset the pump?",
    "Who approves a purchase?",
    "What is the phone number on the moon?",
)


async def ask_until(client: httpx.AsyncClient, ends_at: float, number: int, mode: str) -> list[tuple[int, float]]:
    """One caller: (status, seconds) of each question; status 0: no answer at all."""
    seen: list[tuple[int, float]] = []
    while time.perf_counter() < ends_at:
        body = {"question": QUESTIONS[(number + len(seen)) % len(QUESTIONS)], "mode": mode}
        started = time.perf_counter()
        try:
            status = (await client.post("/api/v1/ask", json=body)).status_code
        except httpx.HTTPError:
            status = 0
        seen.append((status, time.perf_counter() - started))
    return seen


async def watch(client: httpx.AsyncClient, ends_at: float) -> list[float]:
    """Seconds that the smallest route took, ten times a second."""
    taken: list[float] = []
    while time.perf_counter() < ends_at:
        started = time.perf_counter()
        await client.get("/livez")
        taken.append(time.perf_counter() - started)
        await asyncio.sleep(0.1)
    return taken


def at(share: float, values: list[float]) -> str:
    """A percentile in milliseconds."""
    ordered = sorted(values)
    return f"{ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000:,.0f} ms" if ordered else "–"


async def measure(url: str, *, clients: int, seconds: float, mode: str, key: str) -> None:
    """Print one table."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    limits = httpx.Limits(max_connections=clients + 5)
    async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=120) as client:
        ends_at = time.perf_counter() + seconds
        watching = asyncio.create_task(watch(client, ends_at))
        seen = await asyncio.gather(*(ask_until(client, ends_at, number, mode) for number in range(clients)))
        lag = await watching
    answers = [each for caller in seen for each in caller]
    times = [taken for status, taken in answers if status == 200]
    statuses = ", ".join(
        f"{status or 'none'}: {count:,}" for status, count in sorted(Counter(s for s, _ in answers).items())
    )
    print(f"{clients} clients, {seconds:g} s, mode {mode}: {len(answers) / seconds:.1f} answers/s")
    print(f"  statuses   {statuses}")
    print(f"  /ask       p50 {at(0.5, times)}, p95 {at(0.95, times)}, worst {at(1, times)}")
    print(f"  /livez     p50 {at(0.5, lag)}, p95 {at(0.95, lag)}, worst {at(1, lag)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--mode", default="strict")
    parser.add_argument("--key", default="")
    given = parser.parse_args()
    asyncio.run(measure(given.url, clients=given.clients, seconds=given.seconds, mode=given.mode, key=given.key))
