"""What PyTorch Geometric's layers say of a small graph, and where their gradients point: writes graph.json.

    pip install torch torch_geometric
    python crates/neural/tests/reference/graph.py
"""
import json
from pathlib import Path

import torch
from torch_geometric.nn import GCNConv, SAGEConv

torch.manual_seed(3)
N, P, HIDDEN, OUT = 12, 5, [4, 3], 2
x = torch.randn(N, P)
# A ring with some chords; row 11 is an island.
ties = [(i, (i + 1) % 11, 1.0) for i in range(11)] + [(0, 4, 0.5), (2, 7, 2.0), (3, 9, 1.5), (4, 7, 1.0)]
pairs = [(a, b, w) for a, b, w in ties] + [(b, a, w) for a, b, w in ties]
edges = torch.tensor([[a for a, _, _ in pairs], [b for _, b, _ in pairs]])
weights = torch.tensor([w for _, _, w in pairs])
slopes = torch.randn(N, HIDDEN[-1])
cases = {}
for name, layer in [("gcn", GCNConv), ("sage", SAGEConv)]:
    sizes = list(zip([P, *HIDDEN], HIDDEN))
    convs = [layer(a, b) for a, b in sizes]
    for conv in convs:
        for parameter in conv.parameters():
            torch.nn.init.normal_(parameter, std=0.7)
    h = x
    for conv in convs:
        h = torch.relu(conv(h, edges, weights) if name == "gcn" else conv(h, edges))
    (h * slopes).sum().backward()
    order = ["lin.weight", "bias"] if name == "gcn" else ["lin_l.weight", "lin_l.bias", "lin_r.weight"]
    named = [dict(conv.named_parameters())[key] for conv in convs for key in order]
    cases[name] = {
        "parameters": [p.detach().flatten().tolist() for p in named],
        "outputs": h.detach().flatten().tolist(),
        "gradients": [p.grad.flatten().tolist() for p in named],
    }
answer = {
    "x": x.flatten().tolist(), "n": N, "inputs": P, "hidden": HIDDEN, "ties": ties,
    "slopes": slopes.flatten().tolist(), "cases": cases,
}
Path(__file__).with_name("graph.json").write_text(json.dumps(answer))
