"""Makes penguins and bikeshare dirty: `python3 make.py OUT [SEED] [--only DIRT]`; nothing but Python is needed.

For each table, OUT gets NAME-clean.csv and NAME-dirty.csv, two versions of the same rows to learn from, and NAME-test.csv, clean rows to
judge by. The same seed gives the same files. The dirt:

- missing     8% of the numbers at random, and 40% of the highest tenth of one column: not at random
- outliers    3% of the numbers, moved 8 to 20 standard deviations
- labels      8% of the classes flipped; of a target that is a number, 4% swapped with another row's
- duplicates  5% of the rows twice
- spellings   12% of the names with a slip of the pen or in capitals
- rare        one class thinned to 3% (penguins alone)
"""

import csv
import pathlib
import random
import statistics
import sys

HERE = pathlib.Path(__file__).parent
DIRT = ("rare", "duplicates", "missing", "outliers", "spellings", "labels")
TABLES = {
    "penguins": dict(
        target="species",
        numbers=("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"),
        names=("island", "sex"),
        hidden="body_mass_g",
        rare="Chinstrap",
        drop=("year",),
        rows=(230, 114),
    ),
    "bikeshare": dict(
        target="bikers",
        numbers=("temp", "atemp", "hum", "windspeed", "hour"),
        names=("weathersit",),
        hidden="temp",
        rare=None,
        drop=("time", "casual", "registered"),
        rows=(2000, 2000),
    ),
}


def read(name):
    """The rows of a table, as dictionaries; of bikeshare, the hour instead of the time."""
    path = HERE.parent / name / f"{name}.csv"
    rows = list(csv.DictReader(path.open(encoding="utf-8", newline="")))
    for row in rows:
        if "time" in row:
            row["hour"] = str(int(row["time"][11:13]))
        for column in TABLES[name]["drop"]:
            del row[column]
        for column, cell in row.items():
            row[column] = "" if cell == "NA" else cell
    return rows


def divided(name, seed):
    """Clean rows to learn from and clean rows to judge by."""
    draw = random.Random(f"{name} {seed} rows")
    rows = read(name)
    draw.shuffle(rows)
    n_train, n_test = TABLES[name]["rows"]
    return rows[:n_train], rows[n_train : n_train + n_test]


def slip(word, draw):
    """A name as somebody types it in a hurry."""
    kind = draw.randrange(4)
    if kind == 0 or len(word) < 5:
        return word.upper()
    at = draw.randrange(1, len(word) - 1)
    if kind == 1:
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def dirty(name, clean, seed, only=DIRT):
    """The rows with dirt in them."""
    table = TABLES[name]
    rows = [dict(row) for row in clean]
    draws = {dirt: random.Random(f"{name} {seed} {dirt}") for dirt in DIRT}

    if "rare" in only and table["rare"]:
        draw, target = draws["rare"], table["target"]
        rare = [row for row in rows if row[target] == table["rare"]]
        others = [row for row in rows if row[target] != table["rare"]]
        few = draw.sample(rare, min(len(rare), max(2, round(0.03 * len(others) / 0.97))))
        rows = [row for row in rows if row[target] != table["rare"] or any(row is one for one in few)]
    if "duplicates" in only:
        draw = draws["duplicates"]
        rows += [dict(row) for row in draw.sample(rows, round(0.05 * len(rows)))]
        draw.shuffle(rows)
    # What is measured of a column is measured before it is made dirty.
    known = {c: [float(row[c]) for row in rows if row[c]] for c in table["numbers"]}
    if "missing" in only:
        draw = draws["missing"]
        for column in table["numbers"]:
            for row in draw.sample(rows, round(0.08 * len(rows))):
                row[column] = ""
        high = statistics.quantiles(known[table["hidden"]], n=10)[-1]
        for row in rows:
            cell = row[table["hidden"]]
            if cell and float(cell) >= high and draw.random() < 0.4:
                row[table["hidden"]] = ""
    if "outliers" in only:
        draw = draws["outliers"]
        for column in table["numbers"]:
            spread = statistics.stdev(known[column])
            for row in draw.sample([row for row in rows if row[column]], round(0.03 * len(rows))):
                far = draw.choice((-1, 1)) * draw.uniform(8, 20) * spread
                row[column] = f"{float(row[column]) + far:.4g}"
    if "spellings" in only:
        draw = draws["spellings"]
        for column in table["names"]:
            for row in draw.sample([row for row in rows if row[column]], round(0.12 * len(rows))):
                row[column] = slip(row[column], draw)
    if "labels" in only:
        draw, target = draws["labels"], table["target"]
        classes = sorted({row[target] for row in rows})
        if len(classes) < 10:
            for row in draw.sample(rows, round(0.08 * len(rows))):
                row[target] = draw.choice([c for c in classes if c != row[target]])
        else:
            swapped = draw.sample(rows, 2 * round(0.02 * len(rows)))
            for a, b in zip(swapped[::2], swapped[1::2]):
                a[target], b[target] = b[target], a[target]
    return rows


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def make(out, name, seed, only=DIRT):
    """Writes the three files of a table; gives their paths."""
    out.mkdir(parents=True, exist_ok=True)
    train, test = divided(name, seed)
    parts = {"clean": train, "dirty": dirty(name, train, seed, only), "test": test}
    for part, rows in parts.items():
        write(out / f"{name}-{part}.csv", rows)
    return {part: out / f"{name}-{part}.csv" for part in parts}


def main(arguments):
    only = DIRT
    if "--only" in arguments:
        at = arguments.index("--only")
        only = (arguments[at + 1],)
        del arguments[at : at + 2]
    if not 1 <= len(arguments) <= 2 or not set(only) <= set(DIRT):
        sys.exit(__doc__)
    seed = int(arguments[1]) if len(arguments) == 2 else 0
    for name in TABLES:
        for path in make(pathlib.Path(arguments[0]), name, seed, only).values():
            print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
