"""What a U-Net of PyTorch says of a small picture, what it loses and where its gradients point: writes u_net.json.

    pip install torch
    python crates/neural/tests/reference/u_net.py
"""
import json
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(5)
PLANES, FILTERS, CLASSES, HEIGHT, WIDTH = 2, [4, 6, 8], 3, 8, 12


def groups(n):
    return next((g for g in (8, 4, 2) if n % g == 0), 1)


class Block(nn.Module):
    def __init__(self, channels, filters):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(channels, filters, 3, padding=1), nn.GroupNorm(groups(filters), filters)
        self.conv2, self.norm2 = nn.Conv2d(filters, filters, 3, padding=1), nn.GroupNorm(groups(filters), filters)

    def forward(self, x):
        return F.relu(self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList(Block(a, b) for a, b in zip([PLANES, *FILTERS], FILTERS))
        # In the order in which they come: from the coarse to the fine.
        levels = list(reversed(range(len(FILTERS) - 1)))
        self.up = nn.ModuleList(Block(FILTERS[l + 1] + FILTERS[l], FILTERS[l]) for l in levels)
        self.head = nn.Conv2d(FILTERS[0], CLASSES, 1)

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


net = UNet()
for parameter in net.parameters():
    nn.init.normal_(parameter, std=0.4)
picture = torch.randn(1, PLANES, HEIGHT, WIDTH)
mask = torch.randint(0, CLASSES, (1, HEIGHT, WIDTH))
scores = net(picture)
shares, truth = scores.softmax(1), F.one_hot(mask, CLASSES).permute(0, 3, 1, 2).float()
both, sizes = (shares * truth).sum((2, 3)), (shares + truth).sum((2, 3))
loss = F.cross_entropy(scores, mask) + 1 - ((2 * both + 1) / (sizes + 1)).mean()
loss.backward()
last = lambda x: x.permute(0, 2, 3, 1).flatten().tolist()
answer = {
    "planes": PLANES, "filters": FILTERS, "classes": CLASSES, "height": HEIGHT, "width": WIDTH,
    "picture": last(picture), "mask": mask.flatten().tolist(), "scores": last(scores), "loss": loss.item(),
    "parameters": [p.detach().flatten().tolist() for p in net.parameters()],
    "gradients": [p.grad.flatten().tolist() for p in net.parameters()],
}
Path(__file__).with_name("u_net.json").write_text(json.dumps(answer))
