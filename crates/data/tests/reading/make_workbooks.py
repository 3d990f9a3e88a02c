"""Writes workbooks with a cover, a hidden sheet, formulas without values, a blank row before a total, and merged cells, by the standard library."""

import zipfile
from xml.sax.saxutils import escape

NAMES = "http://schemas.openxmlformats.org"


def cell(row, column, value):
    place = f"{chr(65 + column)}{row}"
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith("="):
        return f'<c r="{place}"><f>{escape(value[1:])}</f></c>'
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f'<c r="{place}"><v>{value}</v></c>'


def sheet(rows, merged=()):
    lines = (
        f'<row r="{i}">' + "".join(cell(i, j, value) for j, value in enumerate(row)) + "</row>"
        for i, row in enumerate(rows, 1)
    )
    cells = "".join(f'<mergeCell ref="{place}"/>' for place in merged)
    cells = f"<mergeCells>{cells}</mergeCells>" if cells else ""
    return f'<worksheet xmlns="{NAMES}/spreadsheetml/2006/main"><sheetData>{"".join(lines)}</sheetData>{cells}</worksheet>'


def workbook(file, sheets, merged=()):
    """`sheets` are (name, rows, whether it is hidden); `merged` are places of all of them, such as A1:A3."""
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    office = f"{NAMES}/officeDocument/2006/relationships"
    package = f"{NAMES}/package/2006"
    listed = "".join(
        f'<sheet name="{name}" sheetId="{i}"{" state=" + chr(34) + "hidden" + chr(34) if hidden else ""} r:id="rId{i}"/>'
        for i, (name, _, hidden) in enumerate(sheets, 1)
    )
    links = "".join(
        f'<Relationship Id="rId{i}" Type="{office}/worksheet" Target="worksheets/sheet{i}.xml"/>'
        for i in range(1, len(sheets) + 1)
    )
    kinds = "".join(
        f'<Override PartName="/xl/worksheets/sheet{i}.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
        for i in range(1, len(sheets) + 1)
    )
    parts = {
        "[Content_Types].xml": f'{head}<Types xmlns="{package}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        f"{kinds}</Types>",
        "_rels/.rels": f'{head}<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{head}<workbook xmlns="{NAMES}/spreadsheetml/2006/main" xmlns:r="{office}">'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'{head}<Relationships xmlns="{package}/relationships">{links}</Relationships>',
    }
    for i, (_, rows, _) in enumerate(sheets, 1):
        parts[f"xl/worksheets/sheet{i}.xml"] = head + sheet(rows, merged)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in parts.items():
            book.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), text)


cover = [["Sales of 2024"], ["Author", "Ann"], ["Date", "2024-05-31"]]
data = [["shop", "sold"]] + [[f"s{i:02}", i * 1.5] for i in range(40)]
workbook("cover.xlsx", [("Old", data[:30], True), ("Cover", cover, False), ("Data", data, False)])
formulas = [["shop", "price", "tax"]] + [[f"s{i}", i * 10, f"=B{i + 2}*0.2"] for i in range(6)]
workbook("formulas.xlsx", [("Data", formulas, False)])
workbook("total.xlsx", [("Data", data[:12] + [[None, None], ["Total", 82.5]], False)])
# Below a title, names in two rows of which the first spans both, and regions that each stand before three rows.
regions = [["Sales by region"], ["region", "2024"], [None, "sold", "back"]]
regions += [["North" if i == 0 else "South" if i == 3 else None, i * 1.5, i] for i in range(6)]
workbook("merged.xlsx", [("Data", regions, False)], ["A1:C1", "A2:A3", "B2:C2", "A4:A6", "A7:A9"])
