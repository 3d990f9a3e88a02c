"""Makes the typed files of these tests: `python make.py` in this folder, with openpyxl and pyarrow. The CSV files are as users sent them."""

import datetime
import sqlite3

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

book = openpyxl.Workbook()
sheet = book.active
sheet.title = "Sales"
sheet.append(["Monthly sales", None, None])
sheet.append([None, None, None])
sheet.append(["shop", "sold on", "amount"])
for i in range(6):
    sheet.append([f"0{i}1", datetime.datetime(2024, 1, 1 + i), 1000.5 + i])
other = book.create_sheet("Stock")
other.append(["shop", "n"])
other.append(["011", 7])
book.save("sales.xlsx")

open("shop.db", "wb").close()
database = sqlite3.connect("shop.db")
database.execute("create table orders (id integer, country text, paid real)")
rows = [(9007199254740993, "NA", 1.5), (2, None, None), (3, 'a "b", c', 2.0)]
database.executemany("insert into orders values (?, ?, ?)", rows)
database.commit()
database.close()

ids = [9007199254740993, 9007199254740992, 1, None]
table = {
    "id": pa.array(ids, pa.int64()),
    "n": pa.array([1, 2, 3, None], pa.int64()),
    "user": pa.array([{"age": 1, "home": {"city": "Oslo"}}, None, {"age": None, "home": None}, {"age": 4, "home": {"city": "Bonn"}}]),
    "tags": pa.array([["a", "b"], [], None, ['c"d']]),
    "point": pa.array([[1, 2], [3, None], None, [5, 6]], pa.list_(pa.float32(), 2)),
    "map": pa.array([[("k", 1)], [], None, []], pa.map_(pa.string(), pa.int64())),
}
pq.write_table(pa.table(table), "typed.parquet")
pq.write_table(pa.table(table), "typed_without_statistics.parquet", write_statistics=False)
