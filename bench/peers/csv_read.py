"""polars reads the CSV file of argument 1 into typed columns."""

import sys

import polars as pl

from timing import median_secs, report

path = sys.argv[1]


def read():
    return pl.read_csv(path, try_parse_dates=True, schema_overrides={"city": pl.Categorical})


secs, table = median_secs(read)
answer = {"rows": table.height}
for name in ("price", "ratio", "height", "weight", "count", "code"):
    answer[name] = float(table[name].cast(pl.Float64).sum())
answer["active"] = int(table["active"].sum())
answer["cities"] = table["city"].n_unique()
answer["seen_at"] = float(table["seen_at"].dt.timestamp("us").cast(pl.Float64).sum())
answer["note"] = int(table["note"].str.len_bytes().sum())
report(secs=secs, answer=answer)
