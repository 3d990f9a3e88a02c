"""Judges `u_net` against a U-Net of PyTorch of the same size, on scenes (make.py) and on scikit-image's coins.

    pip install torch scikit-image
    python judge.py PATH-TO-TIDEMILL [SETS]

Both learn from the same pictures (the same layers, loss, optimiser, schedule, flips and epochs; other random numbers) and cut others. What
counts is the mean IoU of each picture that is judged: the lower end of the 95% interval of the mean difference must lie above -0.02. Of
the coins, tiles of one photograph are cut by scikit-image's own watershed (its gallery's), and the right ones are judged by the left.
"""
import csv
import json
import subprocess
import sys
import tempfile
from math import cos, pi, sqrt
from pathlib import Path

import numpy as np
import torch
from skimage import data, filters, io, segmentation
from torch import nn
from torch.nn import functional as F

from make import make

FILTERS, EPOCHS, BATCH, RATE, DECAY = [16, 32, 64], 60, 8, 0.002, 0.01
LEAST = -0.02
torch.set_num_threads(2)


class Block(nn.Module):
    def __init__(self, channels, filters):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(channels, filters, 3, padding=1), nn.GroupNorm(8, filters)
        self.conv2, self.norm2 = nn.Conv2d(filters, filters, 3, padding=1), nn.GroupNorm(8, filters)

    def forward(self, x):
        return F.relu(self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))


class UNet(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.down = nn.ModuleList(Block(a, b) for a, b in zip([1, *FILTERS], FILTERS))
        levels = list(reversed(range(len(FILTERS) - 1)))
        self.up = nn.ModuleList(Block(FILTERS[l + 1] + FILTERS[l], FILTERS[l]) for l in levels)
        self.head = nn.Conv2d(FILTERS[0], classes, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)

    def forward(self, x):
        beside = []
        for level, block in enumerate(self.down):
            if level > 0:
                beside.append(x)
                x = F.max_pool2d(x, 2)
            x = block(x)
        for block in self.up:
            x = block(torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), beside.pop()], 1))
        return self.head(x)


def loss_of(scores, masks, classes):
    shares, truth = scores.softmax(1), F.one_hot(masks, classes).permute(0, 3, 1, 2).float()
    both, sizes = (shares * truth).sum((2, 3)), (shares + truth).sum((2, 3))
    return F.cross_entropy(scores, masks) + 1 - ((2 * both + 1) / (sizes + 1)).mean()


def theirs(train, test, seed):
    torch.manual_seed(seed)
    classes = int(max(mask.max() for _, mask in train)) + 1
    pictures = torch.tensor(np.stack([picture for picture, _ in train])).float()[:, None]
    masks = torch.tensor(np.stack([mask for _, mask in train])).long()
    mean, spread = pictures.mean(), pictures.std()
    pictures, net = (pictures - mean) / spread, UNet(classes)
    decaying = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() == 1]
    groups = [{"params": decaying, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    step = torch.optim.AdamW(groups, lr=RATE)
    total, done = EPOCHS * -(-len(train) // BATCH), 0
    warm = int(0.05 * total)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(train)).split(BATCH):
            x, y = pictures[batch], masks[batch]
            turned = torch.rand(len(batch)) < 0.5
            x = torch.where(turned[:, None, None, None], x.flip(3), x)
            y = torch.where(turned[:, None, None], y.flip(2), y)
            share = (done + 1) / warm if done < warm else 0.5 * (1 + cos(pi * (done - warm) / (total - 1 - warm)))
            for group in step.param_groups:
                group["lr"] = RATE * share
            step.zero_grad()
            loss_of(net(x), y, classes).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            step.step()
            done += 1
    with torch.no_grad():
        return [net((torch.tensor(p).float()[None, None] - mean) / spread).argmax(1)[0].numpy() for p, _ in test]


def ours(tidemill, folder, test, seed):
    recipe = folder / "recipe.toml"
    learner = f"kind = 'u_net'\nfilters = {FILTERS}\nepochs = {EPOCHS}\nbatch_size = {BATCH}\nlearning_rate = {RATE}\n"
    recipe.write_text(f"[data]\nsource = 'train/scenes.csv'\ntarget = 'mask'\n[train]\nseed = {seed}\n[[learners]]\n{learner}")
    run = lambda *words: subprocess.run([tidemill, *map(str, words)], check=True, capture_output=True, text=True).stdout
    found = json.loads(run("--json", "train", recipe, "--out", folder / "model"))
    run("predict", folder / "model/model.tidemill", folder / "test/scenes.csv", "-o", folder / "a.csv", "--masks", folder / "cut")
    naive = {one["learner"]["kind"]: one["mean_iou"] for one in found["naive"]}
    return [io.imread(folder / "cut" / f"{i + 1}.png") for i in range(len(test))], naive


def read(folder):
    with open(folder / "scenes.csv") as file:
        return [(io.imread(folder / row["picture"]), io.imread(folder / row["mask"])) for row in csv.DictReader(file)]


def iou(truth, said):
    of = [((truth == c) & (said == c)).sum() / ((truth == c) | (said == c)).sum() for c in np.union1d(truth, said)]
    return float(np.mean(of))


def write(folder, pairs):
    folder.mkdir(parents=True)
    lines = ["picture,mask"]
    for i, (picture, mask) in enumerate(pairs):
        io.imsave(folder / f"p{i}.png", picture, check_contrast=False)
        io.imsave(folder / f"m{i}.png", mask, check_contrast=False)
        lines.append(f"p{i}.png,m{i}.png")
    (folder / "scenes.csv").write_text("\n".join(lines) + "\n")


def coins(folder):
    """The photograph of coins as tiles, the left ones to learn from, the right ones to judge by."""
    picture = data.coins()
    markers = np.zeros_like(picture, dtype=int)
    markers[picture < 30], markers[picture > 150] = 1, 2
    mask = (segmentation.watershed(filters.sobel(picture), markers) == 2).astype(np.uint8)
    tile = lambda y, x: (picture[y:y + 64, x:x + 64], mask[y:y + 64, x:x + 64])
    write(folder / "train", [tile(y, x) for y in range(0, 240, 32) for x in range(0, 160, 32)])
    write(folder / "test", [tile(y, x) for y in range(0, 240, 64) for x in (224, 288)])


def scenes(folder, seed):
    make(folder / "train", 80, 2 * seed)
    make(folder / "test", 60, 2 * seed + 1)


def judged(tidemill, name, fill, seeds):
    gaps, mine, other, naive = [], [], [], {}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            fill(folder, seed)
            train, test = read(folder / "train"), read(folder / "test")
            answers, naive = ours(tidemill, folder, test, seed)
            own = [iou(mask, said) for (_, mask), said in zip(test, answers)]
            peer = [iou(mask, said) for (_, mask), said in zip(test, theirs(train, test, seed))]
            gaps += [a - b for a, b in zip(own, peer)]
            mine, other = mine + own, other + peer
    gap, reach = np.mean(gaps), 1.96 * np.std(gaps, ddof=1) / sqrt(len(gaps))
    shown = ", ".join(f"{kind} {value:.3f}" for kind, value in naive.items())
    print(f"{name}: u_net {np.mean(mine):.3f}, PyTorch {np.mean(other):.3f}, difference {gap:+.4f} "
          f"({gap - reach:+.4f} to {gap + reach:+.4f}) over {len(gaps)} pictures; {shown}", flush=True)
    return gap - reach > LEAST


if __name__ == "__main__":
    program, sets = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    sound = [judged(program, "scenes", scenes, range(1, sets + 1)),
             judged(program, "coins", lambda folder, _: coins(folder), range(1, sets + 1))]
    print("passed" if all(sound) else "FAILED")
    sys.exit(0 if all(sound) else 1)
