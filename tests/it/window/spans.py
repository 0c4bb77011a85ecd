"""Spans of schedules, worked out by Python's zoneinfo and plain civil arithmetic.

Reads a question as JSON from standard input and writes the answer to standard output; see zoneinfo.rs, which asks. It
shares no code with what it is compared to, and goes about it in another way: day by day, and by what PEP 495 says of times that come
twice or not at all.
"""

import json
import sys
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

UTC = timezone.utc
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def epoch(moment):
    return int(moment.timestamp())


def readings(civil, zone):
    """The earlier and the later reading, and whether clocks leave the time out."""
    before = civil.replace(tzinfo=zone, fold=0).astimezone(UTC)
    after = civil.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if before > after:
        # In a gap: with the offset from before it, the time is moved on by the gap's length.
        return before, before, after
    return before, after, None


def change(civil, low, zone):
    """When clocks go over a time that they leave out."""
    moment = low
    while moment.astimezone(zone).replace(tzinfo=None) < civil:
        moment += timedelta(minutes=1)
    return moment


def span(table, zone, start):
    early, late, gap = readings(start, zone)
    deny = table["effect"] == "deny"
    begin = early if deny else late
    if table["seconds"] is not None:
        return begin, begin + timedelta(seconds=table["seconds"])
    length = datetime.fromisoformat(table["end"]) - datetime.fromisoformat(table["start"])
    end_early, end_late, _ = readings(start + length, zone)
    end = end_late if deny else end_early
    if gap is not None and end <= begin:
        jump = change(start, gap, zone)
        begin, end = (jump, end) if jump < end else (begin, begin + length)
    return (begin, end) if begin < end else None


def period(day, frequency, week_start):
    if frequency == "DAILY":
        return day.toordinal()
    if frequency == "WEEKLY":
        # The first day of the common era was a Monday, and its number is 1.
        return (day.toordinal() - 1 - week_start) // 7
    if frequency == "MONTHLY":
        return day.year * 12 + day.month
    return day.year


def nth_of(day, first, last):
    return (day - first).days // 7 + 1, -((last - day).days // 7 + 1)


def fits(day, start, parts, frequency):
    month_start = day.replace(day=1)
    month_end = (month_start + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    months = [int(n) for n in parts.get("BYMONTH", "").split(",") if n]
    month_days = [int(n) for n in parts.get("BYMONTHDAY", "").split(",") if n]
    week_days = [n for n in parts.get("BYDAY", "").split(",") if n]
    if months and day.month not in months:
        return False
    if month_days and not {day.day, day.day - month_end.day - 1} & set(month_days):
        return False
    if week_days:
        if frequency == "YEARLY" and not months:
            ordinals = nth_of(day, date(day.year, 1, 1), date(day.year, 12, 31))
        else:
            ordinals = nth_of(day, month_start, month_end)
        wanted = [(n[-2:], int(n[:-2]) if n[:-2] else None) for n in week_days]
        name = DAYS[day.weekday()]
        if not any(name == other and (nth is None or nth in ordinals) for other, nth in wanted):
            return False
    if not month_days and not week_days:
        if frequency == "WEEKLY":
            return day.weekday() == start.weekday()
        if frequency == "MONTHLY":
            return day.day == start.day
        if frequency == "YEARLY":
            return day.day == start.day and (bool(months) or day.month == start.month)
    return True


def starts(table, last):
    start = datetime.fromisoformat(table["start"])
    chosen = {start} | {datetime.fromisoformat(text) for text in table["rdate"]}
    if table["rrule"]:
        parts = dict(part.split("=") for part in table["rrule"].split(";"))
        frequency = parts["FREQ"]
        week_start = DAYS.index(parts.get("WKST", "MO"))
        interval = int(parts.get("INTERVAL", "1"))
        first = period(start.date(), frequency, week_start)
        by_period = {}
        day = start.date() - timedelta(days=366)
        while day <= last.date():
            number = period(day, frequency, week_start)
            if number >= first and (number - first) % interval == 0 and fits(day, start, parts, frequency):
                by_period.setdefault(number, []).append(day)
            day += timedelta(days=1)
        ruled = []
        for number in sorted(by_period):
            days = by_period[number]
            if "BYSETPOS" in parts:
                picked = {int(n) - 1 if int(n) > 0 else len(days) + int(n) for n in parts["BYSETPOS"].split(",")}
                days = [day for place, day in enumerate(days) if place in picked]
            ruled += [datetime.combine(day, start.time()) for day in days]
        ruled = [moment for moment in ruled if moment >= start]
        if "COUNT" in parts:
            ruled = ruled[: int(parts["COUNT"])]
        if "UNTIL" in parts:
            end = datetime.strptime(parts["UNTIL"], "%Y%m%dT%H%M%S")
            ruled = [moment for moment in ruled if moment <= end]
        chosen |= set(ruled)
    return sorted(chosen - {datetime.fromisoformat(text) for text in table["exdate"]})


def spans(table):
    zone = ZoneInfo(table["zone"])
    begin, end = (datetime.fromtimestamp(table[key], UTC) for key in ("from", "until"))
    last = end.replace(tzinfo=None) + timedelta(days=3)
    found = sorted(one for one in (span(table, zone, start) for start in starts(table, last)) if one)
    merged = []
    for first, until in found:
        if merged and first <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], until)
        else:
            merged.append([first, until])
    return [[epoch(first), epoch(until)] for first, until in merged if first < end and until > begin]


def transitions(name, begin, end):
    """Every change of the offset, to the minute: its instant, and the offset after it."""
    zone = ZoneInfo(name)
    offset = lambda second: int(datetime.fromtimestamp(second, zone).utcoffset().total_seconds())
    found, present = [], offset(begin)
    for second in range(begin, end, 3600):
        after = offset(second + 3600)
        if after != present:
            minute = next(s for s in range(second, second + 3601, 60) if offset(s) == after)
            found.append([minute, after])
            present = after
    return found


question = json.load(sys.stdin)
answer = {
    "transitions": {name: transitions(name, question["from"], question["until"]) for name in question["zones"]},
    "spans": [spans(table) for table in question["tables"]],
}
json.dump(answer, sys.stdout)
