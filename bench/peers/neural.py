"""PyTorch trains the net of the job in argument 2 (JSON) on the rows of argument 1, from the weights that stand there: 32-bit
floats row after row, the classes, then the weights. Prints the time of all epochs and the loss after them."""

import json
import math
import sys

from timing import median_secs, report

# PyTorch asks Python for its module `profile`, as one of the peers beside this one is called.
sys.path.pop(0)

import numpy as np
import torch
from torch import nn
from torch.nn import functional

path, job = sys.argv[1], json.loads(sys.argv[2])
torch.set_num_threads(job["threads"])
device = torch.device(job["device"])
precision = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(job["precision"])
rows, length, classes = job["rows"], job["len"], job["classes"]
raw = np.fromfile(path, dtype="<f4")
values = raw[: rows * length].reshape(rows, length)
y = torch.from_numpy(raw[rows * length : rows * (length + 1)].view("<u4").astype(np.int64))
weights, at = {}, rows * (length + 1)
for array in job["weights"]:
    n = math.prod(array["shape"])
    weights[array["name"]] = torch.from_numpy(raw[at : at + n].copy()).reshape(array["shape"])
    at += n


def standardised(x, axes):
    """By mean and population spread in 64 bits, as our encoders."""
    x = x.astype(np.float64)
    return torch.from_numpy(((x - x.mean(axes, keepdims=True)) / x.std(axes, keepdims=True)).astype(np.float32))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [length, *job["hidden"]]
        self.body = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x):
        for layer in self.body:
            x = functional.relu(layer(x))
        return self.head(x)


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 32, 3, padding=1), nn.GroupNorm(8, 32)
        self.conv2, self.norm2 = nn.Conv2d(32, 64, 3, padding=1), nn.GroupNorm(8, 64)
        self.head = nn.Linear(64, classes)

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.norm1(self.conv1(x))), 2)
        x = functional.max_pool2d(functional.relu(self.norm2(self.conv2(x))), 2)
        return self.head(x.mean((2, 3)))


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(16, 64, batch_first=True)
        self.head = nn.Linear(64, classes)

    def forward(self, x):
        return self.head(self.lstm(x)[1][0][0])


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.positions = nn.Embedding(1000, 64), nn.Embedding(length, 64)
        layer = lambda: nn.TransformerEncoderLayer(64, 4, 256, 0.0, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.ModuleList(layer() for _ in range(2))
        self.norm = nn.LayerNorm(64)
        self.head = nn.Linear(64, classes)

    def forward(self, x):
        x = self.embedding(x) + self.positions.weight
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x).mean(1))


if job["net"] == "mlp":
    model, x = Mlp(), standardised(values, 0)
elif job["net"] == "cnn":
    model, x = Cnn(), standardised(values, None).reshape(rows, 1, 28, 28)
elif job["net"] == "lstm":
    model, x = Lstm(), standardised(values.reshape(rows, 50, 16), (0, 1))
else:
    model, x = Transformer(), torch.from_numpy(values.astype(np.int64))


model, x, y = model.to(device), x.to(device), y.to(device)


def train():
    model.load_state_dict(weights)
    optimizer = torch.optim.Adam(model.parameters(), lr=job["rate"])
    scaler = torch.amp.GradScaler(device.type, enabled=precision == torch.float16)
    for _ in range(job["epochs"]):
        for batch in torch.randperm(rows, device=device).split(job["batch"]):
            optimizer.zero_grad()
            with torch.autocast(device.type, dtype=precision, enabled=precision is not None):
                loss = functional.cross_entropy(model(x[batch]), y[batch])
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
    if device.type == "cuda":
        torch.cuda.synchronize()


secs, _ = median_secs(train)
model.eval()
with torch.no_grad():
    loss = float(functional.cross_entropy(model(x), y))
where = f", one {torch.cuda.get_device_name(device)}" if device.type == "cuda" else ""
report(secs=secs, loss=loss, peer=f"PyTorch {torch.__version__}{where}")
