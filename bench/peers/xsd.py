"""XML against the schemas that the service hands out: `xsd.py BASE`. Every body that a schema allows is answered, every one that
it does not is refused, and every answer in XML is what its schema says, whatever callers send. Prints one line of JSON."""

import json
import sys
import urllib.error
import urllib.request
from xml.sax.saxutils import escape, quoteattr

import xmlschema

base = sys.argv[1]
faults, answered, refused = [], 0, 0


def ask(path, body=None, **headers):
    request = urllib.request.Request(base + path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


rows, answers = (xmlschema.XMLSchema(ask(f"/schema/{name}.xsd")[1].decode()) for name in ("rows", "answers"))
model = json.loads(ask("/v1/models")[1])["models"][0]["name"]
columns = [c["name"] for c in json.loads(ask(f"/v1/models/{model}")[1])["columns"]]


def value(column, text="1.5", more=""):
    return f"<value column={quoteattr(column)}{more}>{text}</value>"


def row(*instead):
    """A whole row, its first values replaced."""
    return "<row>" + "".join([*instead, *map(value, columns[len(instead) :])]) + "</row>"


first = columns[0]
allowed = [
    f"<rows>{row()}</rows>",
    f"<?xml version='1.0' encoding='UTF-8'?>\n<!-- two -->\n<rows>\n  {row()}\n  {row()}\n</rows>\n",
    f"<rows>{row(value(first, 'never', ' missing=' + quoteattr('true')))}</rows>",
    f"<rows>{row(value(first, '3', ' missing=' + quoteattr('0')))}</rows>",
    f"<rows>{row(value(first, ''))}{row(f'<value column={quoteattr(first)}/>')}</rows>",
    f"<rows>{row(value(first, '<![CDATA[2.5]]>'))}</rows>",
    f"<rows>{row(value(first, '&#50;.5'))}</rows>",
    f"<rows>{row(value(first, escape('a < b & c > d')))}</rows>",
    f"<rows>{row().replace('</row>', value('shoe <size> & שם 😀') + '</row>')}</rows>",
    f"<rows>{row(value(first, '1e999'))}{row(value(first, 'x' * 5000))}</rows>",
]
forbidden = [
    "<rows/>",
    "<rows></rows>",
    f"<table>{row()}</table>",
    f"<rows>{row()}</rows><rows/>",
    f"<rows>{row().replace(' column=' + quoteattr(first), '')}</rows>",
    f"<rows>{row(value(first, '3', ' missing=' + quoteattr('perhaps')))}</rows>",
    f"<rows>{row(value(first, '3', ' unit=' + quoteattr('years')))}</rows>",
    f"<rows>{row(value(first, '<b>3</b>'))}</rows>",
    f"<rows>{row(f'<age>3</age>')}</rows>",
    f"<rows>text{row()}</rows>",
    f"<rows><row>{row()}</row></rows>",
    f"<rows>{row()}",
]


def look(body, wanted, name):
    """The answer in XML to a body, held against its schema; `wanted` is the sort of status."""
    global answered, refused
    kind = "application/json" if isinstance(body, bytes) else "application/xml"
    body = body if isinstance(body, bytes) else body.encode()
    status, text = ask(f"/v1/models/{model}/predict", body, Content_Type=kind, Accept="application/xml")
    if status // 100 != wanted:
        faults.append(f"{name}: {status} {text[:200]!r}")
    if status != 200:
        refused += 1
        return None
    answered += 1
    try:
        answers.validate(text.decode())
        return answers.to_dict(text.decode())
    except Exception as error:
        faults.append(f"{name}: its answer is not what answers.xsd says: {str(error)[:300]}")
        return None


for body in allowed:
    if not rows.is_valid(body):
        faults.append(f"the judge itself is wrong: rows.xsd does not allow {body[:100]}")
    look(body, 2, body[:80])
for body in forbidden:
    try:
        valid = rows.is_valid(body)
    except Exception:
        valid = False
    if valid:
        faults.append(f"the judge itself is wrong: rows.xsd allows {body[:100]}")
    look(body, 4, body[:80])
# Names of columns are the callers' own and come back in warnings: in XML they must be text, and where XML can, the same text.
for name in ["<a> & \"b\" 'c'", "two\nlines\tand a tab", "  spaces  ", "שם 😀", "]]>", "\x00\x01\x1f", "\ufffe\uffff", "", "x" * 300]:
    sent = {column: 1.5 for column in columns} | {name: 1}
    found = look(json.dumps([sent]).encode(), 2, repr(name))
    told = [warning["@column"] for warning in (found or {}).get("warning", [])]
    readable = all(c in "\t\n" or " " <= c < "\ufffe" or c > "\uffff" for c in name)
    if found and readable and not any(name.startswith(t.rstrip("…")) for t in told):
        faults.append(f"{name!r} came back as {told}")
print(json.dumps({"faults": faults, "answered": answered, "refused": refused}))
