"""Writes columns.json: columns as people keep them, with what a sensible reader would say each of them is.

The expectations were written before the rules were tuned. `kind` null: any will do.
Run: python columns.py > columns.json
"""
import hashlib
import json
import random
import uuid
from datetime import date, datetime, timedelta

r = random.Random(20240531)
N = 60
OUT = []


def add(name, values, kind, role, why):
    OUT.append({"name": name, "kind": kind, "role": role, "why": why, "values": [None if v is None else str(v) for v in values]})


def pick(options, n=N):
    values = list(options) + [r.choice(options) for _ in range(n - len(options))]
    r.shuffle(values)
    return values


def with_some(values, tokens, share=0.1):
    return [r.choice(tokens) if r.random() < share else v for v in values]


def days(n=N, start=date(2018, 1, 1)):
    return [start + timedelta(days=r.randrange(1500)) for _ in range(n)]


def moments(n=N):
    return [datetime(2021, 1, 1) + timedelta(seconds=r.randrange(30_000_000)) for _ in range(n)]


def grouped(n, sep):
    return f"{n:,}".replace(",", sep)


# Quantities
add("age", [r.randint(18, 90) for _ in range(N)], "number", "feature", "whole numbers")
add("height_cm", [f"{r.gauss(172, 9):.1f}" for _ in range(N)], "number", "feature", "decimals")
add("price", [f"${r.uniform(500, 9000):,.2f}" for _ in range(N)], "number", "feature", "currency")
add("preis", [grouped(int(x), ".") + f",{r.randrange(100):02d} €" for x in [r.uniform(500, 90000) for _ in range(N)]], "number", "feature", "currency")
add("temperatur", [f"{r.gauss(8, 9):.1f}".replace(".", ",") for _ in range(N)], "number", "feature", "comma before the decimals")
add("revenue", [f"{r.randint(100, 9_000_000):,}" for _ in range(N)], "number", "feature", "comma between thousands")
add("Einwohner", [grouped(r.randint(900, 9_000_000), ".") for _ in range(N)], "number", "feature", "point between thousands")
add("distance", [grouped(r.randint(900, 90_000), " ") for _ in range(N)], "number", "feature", "space between thousands")
add("avstand", [grouped(r.randint(900, 90_000), " ") + f",{r.randrange(10)}" for _ in range(N)], "number", "feature", "space between thousands")
add("growth", [f"{r.gauss(3, 4):.1f}%" for _ in range(N)], "number", "feature", "percent")
add("share of voice", [f"{r.randint(0, 100)} %" for _ in range(N)], "number", "feature", "percent")
add("balance", [f"(${r.uniform(5, 400):.2f})" if r.random() < 0.4 else f"${r.uniform(5, 900):.2f}" for _ in range(N)], "number", "feature", "currency")
add("weight_kg", with_some([f"{r.gauss(70, 12):.1f}" for _ in range(N)], ["unknown"]), "number", "feature", "decimals")
add("bmi", with_some([f"{r.gauss(25, 4):.1f}" for _ in range(N)], ["NA", "", "n/a", "?", "-"]), "number", "feature", "decimals")
add("fare", [f"{abs(r.gauss(30, 30)):.4f}" for _ in range(N)], "number", "feature", "decimals")
add("children", pick([0, 1, 2, 3, 4, 5]), "number", "feature", "whole numbers")
add("year", [r.randint(1995, 2020) for _ in range(N)], "number", "feature", "year")
add("YearBuilt", [r.randint(1890, 2015) for _ in range(N)], "number", "feature", "year")
add("measurement", [f"{r.gauss(0, 1):.6f}" for _ in range(N)], "number", "feature", "decimals")
add("concentration", [f"{r.uniform(1, 9):.2f}e-{r.randint(3, 8)}" for _ in range(N)], "number", "feature", "quantity")
add("salary", r.sample(range(28_000, 190_000), N), "number", "feature", "whole numbers")
add("population", [int(10 ** r.uniform(2, 7)) for _ in range(N)], "number", "feature", "whole numbers")
add("latitude", [f"{r.uniform(35, 60):.5f}" for _ in range(N)], "number", "feature", "decimals")
add("longitude", [f"{r.uniform(-20, 30):.5f}" for _ in range(N)], "number", "feature", "decimals")
add("pixel_3_4", [r.randint(0, 16) for _ in range(N)], "number", "feature", "whole numbers")
add("num_cars", pick([0, 1]), "number", "feature", "whole numbers")
add("change", [f"{r.randint(-9, 9):+d}" for _ in range(N)], "number", "feature", "whole numbers")
add("Betrag", [f"CHF {r.uniform(5, 90):.2f}" for _ in range(N)], "number", "feature", "currency")
add("rating", pick([1, 2, 3, 4, 5]), "number", "feature", "whole numbers")
add("month", pick(list(range(1, 13))), "number", "feature", "whole numbers")
add("hour", pick(list(range(24))), "number", "feature", "whole numbers")
add("income", [r.randint(20_000, 90_000) for _ in range(N - 1)] + ["abt 40k"], "number", "feature", "cannot be read")
add("pris", [f"{r.randint(10, 900)},{r.randrange(100):02d} kr" for _ in range(N)], "number", "feature", "currency")
add("energy", [f"{r.uniform(0, 1e6):.1f}" for _ in range(N - 1)] + ["1e400"], "number", "feature", "decimals")
add("ppm", [f"{r.random():.3f}".lstrip("0") for _ in range(N)], "number", "feature", "decimals")
add("padded", [f" {r.uniform(0, 99):.1f} " for _ in range(N)], "number", "feature", "decimals")
add("elevation", [r.randint(-400, 3000) for _ in range(N)], "number", "feature", "whole numbers")
add("duration_s", [r.randint(1, 90_000) for _ in range(N)], "number", "feature", "whole numbers")
add("EUR", [f"€{r.randint(1, 900)}" for _ in range(N)], "number", "feature", "currency")
add("temp_c_float", [f"{r.randint(-5, 30)}.0" for _ in range(N)], "number", "feature", "whole numbers")

# Yes and no
for name, yes, no in [
    ("smoker", "yes", "no"), ("paid", "Y", "N"), ("active", "true", "false"), ("alive", "T", "F"), ("engine", "on", "off"),
    ("raucher", "ja", "nein"), ("marié", "oui", "non"), ("fumador", "si", "no"), ("casado", "sí", "no"), ("holiday", "1", "0"),
    ("is_member", "1.0", "0.0"), ("Married", "TRUE", "FALSE"), ("курит", "да", "нет"), ("fuma", "sim", "não"),
    ("pali", "tak", "nie"), ("gift", "ja", "nej"),
]:
    add(name, pick([yes, no]), "flag", "feature", "yes")
add("consent", pick(["Yes", "yes", "NO", "no"]), "flag", "feature", "yes")
add("insured", with_some(pick(["yes", "no"]), ["", "NA"]), "flag", "feature", "yes")
add("wants", pick(["yes", "no", "maybe"]), "category", "feature", "3 different")
add("gender", pick(["male", "female"]), "category", "feature", "2 different")
add("Geschlecht", pick(["m", "f"]), "category", "feature", "2 different")
add("sex", pick([1, 2]), "category", "feature", "group")
add("arm", pick(["A", "B"]), "category", "feature", "2 different")

# Names of things
add("species", pick(["Adelie", "Chinstrap", "Gentoo"]), "category", "feature", "category")
add("country", pick(["France", "Peru", "Japan", "Chad", "New Zealand", "Norway"]), "category", "feature", "category")
add("city", [f"{a}{b}" for a, b in (r.choice([(x, y) for x in ("North", "South", "East", "Old", "New", "Port", "Lake", "Mount") for y in ("ford", "ham", "ton", "wick", "mouth", "bury", "field", "stead", "ley", "by")]) for _ in range(200))], "category", "feature", "category")
add("zip", [f"{r.randint(0, 9999):05d}" for _ in range(N)], "category", "feature", "leading zeros")
add("zip_code", [r.randint(10_000, 99_950) for _ in range(N)], "category", "feature", "code")
add("postcode", pick([f"{a}{n} {m}{b}" for a in ("SW", "N", "EC", "M") for n in (1, 4) for m in (1, 7, 9) for b in ("AA", "XQ")], 120), "category", "feature", "category")
add("PLZ", pick([10115, 20095, 80331, 50667, 60311, 70173, 40213]), "category", "feature", "code")
add("season", pick([1, 2, 3, 4]), "category", "feature", "group")
add("weekday", pick(list(range(7))), "category", "feature", "group")
add("cluster", pick(list(range(1, 9))), "category", "feature", "group")
add("education", pick(["HS-grad", "Bachelors", "Masters", "Some-college", "11th"]), "category", "feature", "category")
add("status", pick([200, 301, 404, 500]), "category", "feature", "group")
add("blood", pick(["A+", "A-", "B+", "O+", "O-", "AB+"]), "category", "feature", "category")
add("size", pick(["S", "M", "L", "XL"]), "category", "feature", "category")
add("product_id", pick([101, 102, 103, 204, 205, 307, 308, 412]), "category", "feature", "code")
add("store_id", pick([1, 2, 3, 4, 5]), "category", "feature", "code")
add("Pclass", pick(["1st", "2nd", "3rd"]), "category", "feature", "category")
add("icd10", pick(["I10", "E11.9", "J45", "M54.5", "F32", "K21.0", "N39"]), "category", "feature", "category")
add("colour", pick(["#ff0000", "#00ff00", "#0000ff", "#c0ffee"]), "category", "feature", "category")
add("account", pick(["active", "inactive"]), "category", "feature", "2 different")
add("Stage", pick(["Adult, 1 Egg Stage", "Adult, 2 Egg Stage", "Chick, no egg"]), "category", "feature", "category")
add("ccy", pick(["USD", "EUR", "GBP", "JPY"]), "category", "feature", "category")
add("grade", pick(["A", "B", "C", "D", "F"]), "category", "feature", "category")
add("area_code", pick([212, 213, 305, 415, 617, 702]), "category", "feature", "code")
add("age band", pick(["10-20", "20-30", "30-40", "40+"]), "category", "feature", "category")
add("app version", pick(["1.2.3", "1.2.4", "1.3.0", "2.0.0"]), "category", "feature", "category")
add("referral", [r.choice(["friend", None]) for _ in range(N)], "category", "feature", "or nothing")

# Free text
SUBJECT = "the driver|our guest|a nurse|my sister|the old engine|this hotel|that teacher|her dog".split("|")
VERB = "arrived late because of|was very happy about|complained again about|never mentioned|wrote a letter on|could not stand".split("|")
OBJECT = "the broken window|all that rain|a missing parcel|the new rules|yesterday's dinner|three long meetings|the noise at night".split("|")
sentences = [f"{r.choice(SUBJECT).capitalize()} {r.choice(VERB)} {r.choice(OBJECT)} on day {r.randint(1, 99)}." for _ in range(N)]
add("comment", sentences, "text", "feature", "free text")
add("review", [" ".join(r.sample(sentences, 3)) for _ in range(N)], "text", "feature", "free text")
add("notes", with_some(sentences, [""], 0.4), "text", "feature", "free text")
FIRST = "Anna Owen Laina Lily William Ruth Oscar Elena Hugo Ines Karl Mona".split()
LAST = "Braund Cumings Heikkinen Futrelle Allen Moran Palsson Nasser Sandstrom Bonnell Saundercock".split()
people = r.sample([f"{b}, {t} {a}" for a in FIRST for b in LAST for t in ("Mr.", "Mrs.", "Miss")], N)
add("Name", people, "text", "feature", "free text")
titles = r.sample([f"The {a} {b} of {c}" for a in ("Last", "Secret", "Silent", "Golden", "Broken") for b in ("Garden", "Letter", "Summer", "River", "King") for c in ("Paris", "Ashes", "the North", "Tomorrow")], N)
add("title", titles, "text", "feature", "free text")

# Moments
add("date", days(), "time", "feature", "dates")
add("created", [m.isoformat() for m in moments()], "time", "feature", "dates")
add("logged", [m.isoformat() + "+02:00" for m in moments()], "time", "feature", "dates")
add("seen", [m.strftime("%Y-%m-%d %H:%M") for m in moments()], "time", "feature", "dates")
add("Datum", [d.strftime("%d.%m.%Y") for d in days()], "time", "feature", "day first")
add("visited", [d.strftime("%d/%m/%Y") for d in days()], "time", "feature", "day first")
add("ship date", [d.strftime("%m/%d/%Y") for d in days()], "time", "feature", "month first")
add("hired", [f"{d.day} {d.strftime('%B %Y')}" for d in days()], "time", "feature", "day first")
add("posted", [m.strftime("%b %d, %Y %I:%M %p") for m in moments()], "time", "feature", "month first")
add("day", [d.strftime("%Y/%m/%d") for d in days()], "time", "feature", "year first")
add("dt", [d.strftime("%Y%m%d") for d in days()], "time", "feature", "eight digits")
add("timestamp", [int(m.timestamp()) for m in moments()], "time", "feature", "seconds since 1970")
add("created_at", [int(m.timestamp() * 1000) for m in moments()], "time", "feature", "milliseconds since 1970")
add("period", [d.strftime("%Y-%m") for d in days()], "time", "feature", "year first")
add("geboren", [d.strftime("%d.%m.%y") for d in days()], "time", "feature", "day first")
add("last_seen", with_some([str(d) for d in days()], ["unknown", ""]), "time", "feature", "dates")

# Names of rows
add("id", range(1, N + 1), "text", "key", "identifier")
add("customer_id", r.sample(range(10_000, 99_999), N), "text", "key", "identifier")
add("ref", [str(uuid.UUID(int=r.getrandbits(128), version=4)) for _ in range(N)], "text", "key", "identifier")
add("checksum", [hashlib.md5(str(i).encode()).hexdigest() for i in range(N)], "text", "key", "identifier")
add("customer", [f"CUST-{n:04d}" for n in r.sample(range(9999), N)], "text", "key", "identifier")
add("email", [f"{a.lower()}.{i}@example.org" for i, a in enumerate(pick(FIRST))], "text", "key", "identifier")
add("Unnamed: 0", range(N), "text", "key", "identifier")
add("order_no", r.sample(range(500_000, 900_000), N), "text", "key", "identifier")
add("user_id", [r.randint(1000, 1100) for _ in range(200)], None, "ignore", "repeats")
add("PassengerId", range(892, 892 + N), "text", "key", "identifier")
add("isbn", [f"978{r.randrange(10**10):010d}" for _ in range(N)], "text", "key", "identifier")
add("verse", [f"Ge {c}:{v}" for c in range(1, 5) for v in range(1, 16)], "text", "key", "identifier")
add("account_number", [f"{r.randrange(10**10):010d}" for _ in range(N)], "text", "key", "identifier")

# Nothing to learn from
add("site", ["Anvers"] * N, None, "ignore", "constant")
add("version", [3] * N, None, "ignore", "constant")
add("spare", [r.choice(["", "NA", "null"]) for _ in range(N)], None, "ignore", "no value")

print("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False) for c in OUT) + "\n]")
