"""Makes gradients.json beside it: integrated gradients by captum of the nets in gradients-*.tidemill, whose weights are read from
these files. They were written by

    tidemill train coefficients.csv --target price (bought)

with `learners = [{ kind = "neural_net", hidden = [12, 6], activation = "gelu" }]` and the other targets ignored.

    pip install torch captum pandas
    python gradients.py
"""

import json
import pathlib
import struct
import zipfile

import numpy as np
import pandas as pd
import torch
from captum.attr import IntegratedGradients

here = pathlib.Path(__file__).parent
table = pd.read_csv(here / "coefficients.csv")
# The usual row comes from at most 100 rows, evenly spaced.
usual = table.iloc[:: -(-len(table) // 100)]
POINTS = [50, 100, 200, 400, 800]
ROWS = [0, 1, 2, 40, 77, 159]


def opened(file):
    archive = zipfile.ZipFile(file)
    data = archive.read("tensors.safetensors")
    (length,) = struct.unpack("<Q", data[:8])
    types = {"F32": np.float32, "F64": np.float64, "U32": np.uint32, "U8": np.uint8}
    tensors = {}
    for name, about in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__":
            begin, end = (8 + length + at for at in about["data_offsets"])
            tensors[name] = np.frombuffer(data[begin:end], types[about["dtype"]]).reshape(about["shape"])
    chain = json.loads(archive.read("state.json"))["children"]
    at = next(i for i, link in enumerate(chain) if link["kind"] == "neural_net")
    own = {name[len(f"{at}.") :]: value for name, value in tensors.items() if name.startswith(f"{at}.")}
    return chain[at], own


def attributions(file):
    state, tensors = opened(file)
    columns = []

    def encoded(rows):
        """What the encoders give, row by row, and the column of each number."""
        parts = []
        columns.clear()
        for place, encoder in enumerate(state["children"]):
            if encoder["kind"] == "numbers":
                scales = tensors[f"{place}.scales"].reshape(-1, 2)
                for column, (centre, factor) in zip(encoder["params"]["columns"], scales):
                    assert not column["marked"] and column["ends"] == 0
                    values = rows[column["name"]].to_numpy(float)
                    parts.append(((values - centre) * factor).astype(np.float32)[:, None].astype(float))
                    columns.append(column["name"])
            else:
                name, names = encoder["params"]["column"], encoder["params"]["names"]
                vectors = tensors[f"embeddings.{name}.weight"]
                # Two places before the names: missing and unseen.
                parts.append(vectors[[2 + names.index(value) for value in rows[name]]].astype(float))
                columns.extend([name] * vectors.shape[1])
        return torch.tensor(np.concatenate(parts, axis=1))

    start = pd.DataFrame([{
        name: (usual[name].mode()[0] if name == "colour" else usual[name].sum() * 2 > len(usual) if name == "member" else usual[name].mean())
        for name in ["year", "size", "colour", "member"]
    }])
    weight = lambda name: torch.tensor(tensors[name].astype(float))

    def answer(x):
        for layer in range(2):
            x = torch.nn.functional.gelu(x @ weight(f"body.{layer}.weight").T + weight(f"body.{layer}.bias"))
        x = x @ weight("head.weight").T + weight("head.bias")
        if "target" in tensors:
            centre, factor = tensors["target"]
            return x / factor + centre
        chances = torch.softmax(x, dim=1)
        # Of two classes the second is explained.
        return chances[:, 1:] if chances.shape[1] == 2 else chances

    rows, begin = encoded(table.iloc[ROWS]), encoded(start)
    outputs = answer(rows).shape[1]
    names = list(dict.fromkeys(columns))
    found = {"columns": names, "base": answer(begin)[0].tolist(), "answers": answer(rows).tolist(), "values": {}}
    for points in POINTS:
        values = []
        for output in range(outputs):
            of_input = IntegratedGradients(answer).attribute(
                rows, begin, target=output, n_steps=points, method="gausslegendre"
            ).detach().numpy()
            values.append([[float(row[np.array(columns) == name].sum()) for name in names] for row in of_input])
        # By row, output and column.
        found["values"][str(points)] = np.array(values).transpose(1, 0, 2).tolist()
    return found


out = {name: attributions(here / f"gradients-{name}.tidemill") for name in ["price", "bought"]}
(here / "gradients.json").write_text(json.dumps(dict(rows=[row + 1 for row in ROWS], **out)) + "\n")
