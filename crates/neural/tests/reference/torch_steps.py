"""Makes torch_steps.json: step sizes of PyTorch's schedules, and where PyTorch's optimisers lead from one start with the same
gradients, in 64 bits.

Run from this folder with PyTorch (made with 2.15.0): python torch_steps.py
"""

import json

import torch


def shares(make, n):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=1.0)
    schedule = make(optimiser)
    found = []
    for step in range(n):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if step < n - 1:
            schedule.step()
    return found


def lead(make, start, gradients):
    w = torch.nn.Parameter(start.clone())
    optimiser = make([w])
    for gradient in gradients:
        w.grad = gradient.clone()
        optimiser.step()
    return w.detach().tolist()


schedules = torch.optim.lr_scheduler
torch.manual_seed(0)
start, gradients = torch.randn(6, dtype=torch.float64), torch.randn(8, 6, dtype=torch.float64)
result = {
    "one_cycle": shares(lambda o: schedules.OneCycleLR(o, max_lr=1.0, total_steps=20), 20),
    "cosine": shares(lambda o: schedules.CosineAnnealingLR(o, T_max=19), 20),
    "start": start.tolist(),
    "gradients": gradients.tolist(),
    "sgd": lead(lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9), start, gradients),
    "adam": lead(lambda p: torch.optim.Adam(p, lr=0.01), start, gradients),
    "adamw": lead(lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1), start, gradients),
}
with open("torch_steps.json", "w") as file:
    json.dump(result, file, indent=1)
