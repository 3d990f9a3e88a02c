"""What PyTorch says of the blocks of `stcn`, and where their gradients point: writes stcn.json.

    pip install torch
    python crates/neural/tests/reference/stcn.py
"""
import json
from pathlib import Path

import torch
import torch.nn.functional as F

torch.manual_seed(5)
ROWS, STEPS, CHANNELS, WIDTH, LAYERS, KERNEL = 6, 9, 2, 4, 3, 3
x = torch.randn(ROWS, STEPS, CHANNELS)
graph = torch.nn.Linear(CHANNELS, WIDTH)
convs = [torch.nn.Conv1d(WIDTH, 2 * WIDTH, KERNEL, dilation=2**k) for k in range(LAYERS)]
parameters = [p for layer in [graph, *convs] for p in layer.parameters()]
for parameter in parameters:
    torch.nn.init.normal_(parameter, std=0.5)
h = torch.relu(graph(x)).transpose(1, 2)
for k, conv in enumerate(convs):
    # Padded before the first moment alone: a causal convolution; a gated linear unit, and the way past it.
    h = h + F.glu(conv(F.pad(h, ((KERNEL - 1) * 2**k, 0))), dim=1)
outputs = h[:, :, -1]
slopes = torch.randn(ROWS, WIDTH)
(outputs * slopes).sum().backward()
flat = lambda tensor: [float(v) for v in tensor.detach().flatten()]
Path(__file__).with_name("stcn.json").write_text(json.dumps({
    "rows": ROWS, "steps": STEPS, "channels": CHANNELS, "width": WIDTH, "layers": LAYERS, "kernel": KERNEL,
    "x": flat(x), "slopes": flat(slopes), "outputs": flat(outputs),
    "parameters": [flat(p) for p in parameters], "gradients": [flat(p.grad) for p in parameters],
}))
