"""Writes tables.json: small tables with a target, and what a sensible reader would say of them.

`roles` and `kinds` name only the columns that matter; `leaks` lists the sets of columns that give the target away (order free).
The expectations were written before the rules were tuned. Run: python tables.py > tables.json
"""
import json
import math
import random
from datetime import date, timedelta

r = random.Random(7)
N = 120
OUT = []


def table(name, columns, target, task, leaks=(), kinds=None, roles=None, positive=None, classes=None):
    values = {k: [None if v is None else str(v) for v in vs] for k, vs in columns.items()}
    OUT.append({"name": name, "target": target, "task": task, "leaks": [sorted(l) for l in leaks], "kinds": kinds or {},
                "roles": roles or {}, "positive": positive, "classes": classes, "columns": values})


def ints(low, high):
    return [r.randint(low, high) for _ in range(N)]


def reals(mean, sd, digits=3):
    return [round(r.gauss(mean, sd), digits) for _ in range(N)]


def noisy(*parts):
    return [round(sum(c * x[i] for c, x in parts) + r.gauss(0, 1), 3) for i in range(N)]


a, b, c = ints(0, 90), ints(5, 200), reals(10, 3)
table("sum", {"casual": a, "members": b, "temp": c, "riders": [x + y for x, y in zip(a, b)]}, "riders", "regression", [["casual", "members"]])
x, y, z = reals(50, 9, 2), reals(20, 5, 2), reals(3, 1, 2)
table("difference", {"income": x, "spending": y, "age": ints(18, 80), "savings": [round(p - q, 2) for p, q in zip(x, y)]}, "savings", "regression", [["income", "spending"]])
table("mean of three", {"q1": x, "q2": y, "q3": z, "other": c, "average": [(p + q + s) / 3 for p, q, s in zip(x, y, z)]}, "average", "regression", [["q1", "q2", "q3"]])
table("sum of three", {"rent": x, "food": y, "fun": z, "age": ints(18, 80), "total": [round(p + q + s, 2) for p, q, s in zip(x, y, z)]}, "total", "regression", [["rent", "food", "fun"]])
price, qty = [round(r.uniform(1, 40), 2) for _ in range(N)], ints(1, 30)
table("product", {"price": price, "quantity": qty, "shop": [r.choice("ABC") for _ in range(N)], "revenue": [round(p * q, 2) for p, q in zip(price, qty)]}, "revenue", "regression", [["price", "quantity"]])
km, h = [round(r.uniform(1, 400), 1) for _ in range(N)], [round(r.uniform(0.5, 9), 2) for _ in range(N)]
table("ratio", {"km": km, "hours": h, "load": c, "speed": [p / q for p, q in zip(km, h)]}, "speed", "regression", [["km", "hours"]])
table("copy", {"size": c, "weight_net": x, "weight": x, "age": ints(1, 9)}, "weight", "regression", [["weight_net"]])
celsius = reals(12, 8, 1)
table("other unit", {"wind": c, "fahrenheit": [round(v * 9 / 5 + 32, 2) for v in celsius], "celsius": celsius}, "celsius", "regression", [["fahrenheit"]])
worth = [round(math.exp(r.gauss(12, 0.5)), 1) for _ in range(N)]
table("monotone copy", {"rooms": ints(1, 9), "log_worth": [round(math.log10(v), 9) for v in worth], "worth": worth}, "worth", "regression", [["log_worth"]])
label = [r.choice(["cat", "dog", "owl"]) for _ in range(N)]
code = {"cat": "K1", "dog": "K7", "owl": "K3"}
table("class under another name", {"weight": c, "label_code": [code[v] for v in label], "animal": label}, "animal", "multiclass", [["label_code"]], classes=["cat", "dog", "owl"])
churned = [r.choice(["yes", "no", "no"]) for _ in range(N)]
when = [str(date(2021, 1, 1) + timedelta(days=r.randrange(700))) for _ in range(N)]
table("present only after the fact", {"customer_id": r.sample(range(10_000, 99_999), N), "tenure": ints(1, 70), "cancel_date": [w if v == "yes" else "" for w, v in zip(when, churned)], "churned": churned},
      "churned", "binary", [["cancel_date"]], roles={"customer_id": "key"}, kinds={"cancel_date": "time"}, positive="yes", classes=["no", "yes"])
risk = reals(0, 1)
table("threshold", {"age": ints(18, 80), "risk": risk, "flagged": [int(v > 0.3) for v in risk]}, "flagged", "binary", [["risk"]], positive="1")
table("honest regression", {"a": a, "b": b, "c": c, "y": noisy((0.5, a), (0.2, b), (2.0, c))}, "y", "regression")
good = ["good" if 1.5 * v + r.gauss(0, 1) > 0 else "bad" for v in risk]
table("honest classes", {"risk": risk, "c": c, "job": [r.choice(["clerk", "smith", "baker"]) for _ in range(N)], "outcome": good}, "outcome", "binary", kinds={"job": "category"})
flat = ints(60, 240)
rent = [str(round(7.5 * s + r.gauss(0, 120), 2)) for s in flat]
german = lambda t: f"{float(t):,.2f}".replace(",", "#").replace(".", ",").replace("#", ".") + " €"
table("german rents", {"Fläche": [f"{s},5" for s in flat], "PLZ": [f"{r.randint(1000, 99999):05d}" for _ in range(N)], "Einzug": [(date(2019, 1, 1) + timedelta(days=r.randrange(900))).strftime("%d.%m.%Y") for _ in range(N)],
      "Balkon": [r.choice(["ja", "nein"]) for _ in range(N)], "Miete": [german(t) for t in rent]}, "Miete", "regression",
      kinds={"Fläche": "number", "PLZ": "category", "Einzug": "time", "Balkon": "flag", "Miete": "number"})
kind3 = [r.choice([0, 1, 2]) for _ in range(N)]
table("coded classes", {"id": range(1, N + 1), "petal": [round(v + r.gauss(0, 0.8), 2) for v in kind3], "target": kind3}, "target", "multiclass", roles={"id": "key"}, classes=["0", "1", "2"])
table("digits of ten", {"p1": ints(0, 16), "p2": ints(0, 16), "digit": [i % 10 for i in range(N)]}, "digit", "multiclass", classes=[str(i) for i in range(10)])
table("rare class", {"a": a, "c": c, "diagnosis": [r.choice(["benign", "benign", "malignant"]) for _ in range(N)]}, "diagnosis", "binary", positive="malignant", classes=["benign", "malignant"])
table("one and two", {"a": a, "c": c, "group": [r.choice([1, 2]) for _ in range(N)]}, "group", "binary", positive="2", classes=["1", "2"])
table("counted", {"a": a, "c": c, "num_visits": [r.choice([0, 0, 1, 2, 3]) for _ in range(N)]}, "num_visits", "regression")
words = "fine slow rude kind cold fresh dirty quick noisy lovely".split()
says = [" ".join(r.choice(words) for _ in range(9)) for _ in range(N)]
cities = [f"Town{r.randint(1, 70)}x" for _ in range(N)]
table("text and many names", {"says": says, "town": cities, "stars": [r.choice([1, 2, 3, 4, 5]) for _ in range(N)]}, "stars", "multiclass", kinds={"says": "text", "town": "category"})
table("smokers", {"age": ints(18, 80), "bp": reals(120, 12, 0), "status": [r.choice(["smoker", "non-smoker"]) for _ in range(N)]}, "status", "binary", positive="smoker")
table("oui et non", {"âge": ints(18, 80), "ville": [r.choice(["Lyon", "Nice", "Brest"]) for _ in range(N)], "acheté": [r.choice(["oui", "non"]) for _ in range(N)]}, "acheté", "binary", positive="oui", kinds={"ville": "category"})

print("[\n" + ",\n".join(json.dumps(t, ensure_ascii=False) for t in OUT) + "\n]")
