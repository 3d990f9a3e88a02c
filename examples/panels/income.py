"""Incomes of the United States by state and year, one row each: `python income.py us_income.csv > income.csv` (the table of PySAL's
example data, with a column for each year)."""

import csv
import sys

with open(sys.argv[1], newline="") as file:
    table = csv.DictReader(file)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["state", "year", "income"])
    for row in table:
        out.writerows([row["Name"], year, row[year]] for year in row if year and year.isdigit())
