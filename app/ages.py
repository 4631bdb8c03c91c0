"""How long ago, as people say it."""

from datetime import datetime


def age(then: datetime, *, now: datetime) -> str:
    """`today`, `yesterday`, `12 days ago`, `14 months ago`, `3 years ago`."""
    days = max(0, (now.date() - then.date()).days)
    for most, unit, name in ((2, 1, "day"), (60, 1, "day"), (730, 30, "month")):
        if days < most:
            count = days // unit
            return ("today", "yesterday")[count] if most == 2 else f"{count} {name}s ago"
    return f"{days // 365} years ago"
