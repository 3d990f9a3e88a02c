"""What dirt costs, and how much of it `tidemill train` regains by itself: `python3 judge.py [TIDEMILL] [--seeds N] [--table NAME]
[--only DIRT] [--quality fast|default] [--metric NAME] [--json FILE]`.

For each seed, the same rows are learned from clean, dirty, and dirty without repairs (`[train] repairs = false`), and the three models are
judged on the same clean test rows by the metric that chose them. The cost is what the score loses by the dirt without repairs; regained is
the share of it that repairs win back: the ratio of the two sums over the seeds, with a 95% bootstrap interval over seeds (pairs stay
together). Nothing but Python and the program is needed.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import make

BOOTSTRAPS = 10_000
LOSSES = ("log_loss", "brier_score", "rmse", "mae", "mse")


def run(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{program} {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def recipe(folder, name, data, target, options, repairs):
    """The recipe of one training: no step, no learner, and repairs only where it is said that there be none."""
    text = f'[data]\nsource = "{data.as_posix()}"\ntarget = "{target}"\n[train]\nquality = "{options.quality}"\n'
    if options.metric:
        text += f'metric = "{options.metric}"\n'
    if not repairs:
        text += "repairs = false\n"
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def trained(options, folder, name, data, target, repairs=True):
    """The model file, and what metrics.json says."""
    path = recipe(folder, name, data, target, options, repairs)
    out = folder / f"{name}-model"
    run(options.program, "train", path, "--out", out, "--quiet")
    return out / "model.tidemill", json.loads((out / "metrics.json").read_text(encoding="utf-8"))


def judged(options, model, test, metric):
    value = json.loads(run(options.program, "evaluate", model, test, "--json"))["metrics"][metric]
    return -value if metric in LOSSES else value


def one(options, name, seed):
    """The scores (more is better) of one table and seed."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        files = make.make(folder, name, seed, options.only)
        target = make.TABLES[name]["target"]
        scores, kept = {}, {}
        for part, data, repairs in (("clean", "clean", True), ("bare", "dirty", False), ("repaired", "dirty", True)):
            model, metrics = trained(options, folder, part, files[data], target, repairs)
            scores[part] = judged(options, model, files["test"], metrics["metric"])
            kept[part] = [repair["kind"] for repair in metrics.get("repairs", []) if repair["kept"]]
        told = {"metric": metrics["metric"], "kept": kept["repaired"], "kept_on_clean": kept["clean"]}
        return {"table": name, "seed": seed, **told, **scores}


def regained(results):
    """The share of the cost that is won back, over all seeds."""
    cost = sum(r["clean"] - r["bare"] for r in results)
    return sum(r["repaired"] - r["bare"] for r in results) / cost if cost > 0 else float("nan")


def interval(results):
    draw = random.Random(0)
    shares = sorted(regained(draw.choices(results, k=len(results))) for _ in range(BOOTSTRAPS))
    return shares[int(0.025 * BOOTSTRAPS)], shares[int(0.975 * BOOTSTRAPS) - 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("program", nargs="?", default="tidemill")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--table", choices=list(make.TABLES))
    parser.add_argument("--only", choices=make.DIRT, action="append")
    parser.add_argument("--quality", choices=("fast", "default", "best"), default="default")
    parser.add_argument("--metric")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    options.only = tuple(options.only or make.DIRT)
    results, began = [], time.monotonic()
    for name in [options.table] if options.table else make.TABLES:
        own = []
        for seed in range(options.seeds):
            result = one(options, name, seed)
            own.append(result)
            scores = "  ".join(f"{part} {abs(result[part]):8.4f}" for part in ("clean", "bare", "repaired"))
            kept = ", ".join(result["kept"]) or "none"
            also = f"  (of clean rows: {', '.join(result['kept_on_clean'])})" if result["kept_on_clean"] else ""
            print(f"{name:10} seed {seed}  {result['metric']}: {scores}  kept: {kept}{also}", flush=True)
        low, high = interval(own)
        print(f"{name:10} regained {100 * regained(own):.0f}% of the cost of {', '.join(options.only)} "
              f"(95% {100 * low:.0f} to {100 * high:.0f}, {len(own)} seeds)\n", flush=True)
        results += own
    print(f"{time.monotonic() - began:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
