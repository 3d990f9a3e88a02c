"""A peer of the bench `serve_trees`: `serve_trees.py PEER PORT MODEL FOLDER` serves the ONNX file MODEL on the loopback.

PEER is `triton`, `litserve`, `mlserver` or `mlflow`; each runs in an environment of its own (`bench/requirements-PEER.txt`). What
it needs in files goes into FOLDER. Nothing is logged and no key is asked for; requests that wait are answered together where the
peer can do that.
"""

import json
import os
import shutil
import sys
from pathlib import Path

peer, port, model, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).resolve(), Path(sys.argv[4]).resolve()
folder.mkdir(parents=True, exist_ok=True)
# None of them may tell anybody that it runs.
os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="1", NO_ALBUMENTATIONS_UPDATE="1")
os.environ.update(TREES_MODEL=str(model), OMP_NUM_THREADS="1", UVICORN_ACCESS_LOG="false", UVICORN_LOG_LEVEL="error")
# Programs of this environment, and the Python that Triton's backend looks for.
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

SESSION = '''
import os

import numpy as np
import onnxruntime


def session():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(os.environ["TREES_MODEL"], options)


def answer(session, x):
    labels, probabilities = session.run(None, {session.get_inputs()[0].name: np.asarray(x, dtype=np.float32)})
    return labels, probabilities
'''

TRITON = '''
import triton_python_backend_utils as pb


class TritonPythonModel:
    def initialize(self, args):
        self.session = session()

    def execute(self, requests):
        xs = [pb.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        labels, probabilities = answer(self.session, np.concatenate(xs))
        answers, at = [], 0
        for x in xs:
            rows = slice(at, at + len(x))
            answers.append(pb.InferenceResponse([
                pb.Tensor("label", labels[rows].astype(object).reshape(-1, 1)),
                pb.Tensor("probabilities", probabilities[rows].astype(np.float32)),
            ]))
            at += len(x)
        return answers
'''

CONFIG = '''
name: "trees"
backend: "python"
max_batch_size: 256
input [ { name: "x", data_type: TYPE_FP32, dims: [ 20 ] } ]
output [
  { name: "label", data_type: TYPE_STRING, dims: [ 1 ] },
  { name: "probabilities", data_type: TYPE_FP32, dims: [ 2 ] }
]
dynamic_batching { }
instance_group [ { count: 1, kind: KIND_CPU } ]
'''

MLSERVER = '''
from mlserver import MLModel
from mlserver.types import InferenceResponse, ResponseOutput


class Trees(MLModel):
    async def load(self):
        self.session = session()
        return True

    async def predict(self, payload):
        values = payload.inputs[0]
        labels, probabilities = answer(self.session, np.reshape(values.data.root, values.shape))
        n = len(labels)
        return InferenceResponse(model_name=self.name, outputs=[
            ResponseOutput(name="label", shape=[n], datatype="BYTES", data=[str(label) for label in labels]),
            ResponseOutput(name="probabilities", shape=[n, 2], datatype="FP32", data=probabilities.ravel().tolist()),
        ])
'''


LITSERVE = '''
import sys

import litserve as ls


class Trees(ls.LitAPI):
    def setup(self, device):
        self.session = session()

    def decode_request(self, request):
        return request["x"]

    def batch(self, inputs):
        return np.array(inputs, dtype=np.float32)

    def predict(self, x):
        labels, probabilities = answer(self.session, x)
        return [(str(label), p.tolist()) for label, p in zip(labels, probabilities)]

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return {"prediction": output[0], "probabilities": output[1]}


if __name__ == "__main__":
    server = ls.LitServer(Trees(max_batch_size=64, batch_timeout=0.0005), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="error", access_log=False)
'''


def triton():
    """Triton as NVIDIA's wheel brings it, with the backend that runs Python beside it in a process of its own."""
    import pytriton

    home = Path(pytriton.__file__).parent / "tritonserver"
    libraries = Path(pytriton.__file__).parent.parent / "nvidia_pytriton.libs"
    backend, version = folder / "backends/python", folder / "repository/trees/1"
    shutil.rmtree(folder / "backends", ignore_errors=True)
    version.mkdir(parents=True, exist_ok=True)
    shutil.copytree(home / "backends/python", backend)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    shutil.copy2(home / "python_backend_stubs" / python / "triton_python_backend_stub", backend)
    (version.parent / "config.pbtxt").write_text(CONFIG)
    (version / "model.py").write_text(SESSION + TRITON)
    os.environ["LD_LIBRARY_PATH"] = str(libraries)
    os.environ["PYTHONPATH"] = str(Path(pytriton.__file__).parent.parent)
    program = str(home / "bin/tritonserver")
    os.execv(program, [
        program, f"--model-repository={folder / 'repository'}", f"--backend-directory={folder / 'backends'}",
        "--http-address=127.0.0.1", f"--http-port={port}", "--allow-grpc=false", "--allow-metrics=false", "--log-info=false",
        "--disable-auto-complete-config",
    ])


def litserve():
    # A file of its own: its worker is another process, which reads it again.
    code = folder / "trees_api.py"
    code.write_text(SESSION + LITSERVE)
    os.execv(sys.executable, [sys.executable, str(code), str(port)])


def mlserver():
    (folder / "trees_runtime.py").write_text(SESSION + MLSERVER)
    settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": port + 1, "metrics_port": port + 2,
                "parallel_workers": 0, "debug": False}
    (folder / "settings.json").write_text(json.dumps(settings))
    model_settings = {"name": "trees", "implementation": "trees_runtime.Trees"}
    (folder / "model-settings.json").write_text(json.dumps(model_settings))
    os.environ["PYTHONPATH"] = str(folder)
    program = str(Path(sys.executable).parent / "mlserver")
    os.execv(program, [program, "start", str(folder)])


def mlflow():
    saved = folder / "model"
    shutil.rmtree(saved, ignore_errors=True)
    (folder / "trees_model_code.py").write_text(SESSION + '''
import mlflow


class Trees(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.session = session()

    def predict(self, context, model_input, params=None):
        labels, probabilities = answer(self.session, model_input)
        return [{"prediction": str(label), "probabilities": p.tolist()} for label, p in zip(labels, probabilities)]


mlflow.models.set_model(Trees())
''')
    import mlflow.pyfunc

    mlflow.pyfunc.save_model(str(saved), python_model=str(folder / "trees_model_code.py"), pip_requirements=["mlflow"])
    program = str(Path(sys.executable).parent / "mlflow")
    os.execv(program, [program, "models", "serve", "-m", str(saved), "-h", "127.0.0.1", "-p", str(port),
                       "--env-manager", "local", "--workers", "1"])


if __name__ == "__main__":
    {"triton": triton, "litserve": litserve, "mlserver": mlserver, "mlflow": mlflow}[peer]()
