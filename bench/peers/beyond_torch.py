"""PyTorch's side of `beyond.py digits`: the net that ours is by default (three blocks of convolution, group norm, rectifier and
pooling, then two hidden layers), trained as its tutorials do: Adam, 40 epochs of mini-batches of 32, a step size that falls along
a cosine. Argument: the split as `.npz`. Prints the accuracy on the test rows. Runs in an environment of its own."""

import sys

# PyTorch asks Python for its module `profile`, as one of the peers beside this one is called.
sys.path.pop(0)

import numpy as np
import torch
from torch import nn
from torch.nn import functional

EPOCHS, BATCH = 40, 32

split = np.load(sys.argv[1])
torch.manual_seed(int(split["seed"]))
x = torch.from_numpy(split["pixels"]).reshape(-1, 1, 8, 8)
y, train, test = (torch.from_numpy(split[name]) for name in ("y", "train", "test"))
x = (x - x[train].mean()) / x[train].std()


def block(channels, filters):
    return [nn.Conv2d(channels, filters, 3, padding=1), nn.GroupNorm(8, filters), nn.ReLU(), nn.MaxPool2d(2)]


model = nn.Sequential(
    *block(1, 32), *block(32, 64), *block(64, 128), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    nn.Linear(128, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 10),
)  # fmt: skip
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
for _ in range(EPOCHS):
    for batch in train[torch.randperm(len(train))].split(BATCH):
        optimizer.zero_grad()
        functional.cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()
    schedule.step()
model.eval()
with torch.no_grad():
    print(float((model(x[test]).argmax(1) == y[test]).double().mean()))
