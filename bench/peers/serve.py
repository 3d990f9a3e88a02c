"""FastAPI and onnxruntime with the model that the bench trained: `serve.py PORT TABLE`.

The pipeline (impute, scale, logistic regression) is scikit-learn's on the same table, turned into ONNX; one process
per core, each with one onnxruntime thread, as both projects advise for small models.
"""

import sys

import numpy as np
import onnxruntime
import pandas as pd
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, create_model
from skl2onnx import to_onnx
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

port, table = int(sys.argv[1]), pd.read_csv(sys.argv[2])
y = table.pop("y")
names = list(table.columns)
pipeline = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression())
pipeline.fit(table.to_numpy(np.float32), y)
model = to_onnx(pipeline, table.to_numpy(np.float32)[:1], options={id(pipeline): {"zipmap": False}})
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(model.SerializeToString(), options)
input_name = session.get_inputs()[0].name

Features: type[BaseModel] = create_model("Features", **{name: (float | None, None) for name in names})
app = FastAPI()


@app.post("/predict")
async def predict(row: Features):
    values = [getattr(row, name) for name in names]
    x = np.array([[np.nan if v is None else v for v in values]], dtype=np.float32)
    labels, probabilities = session.run(None, {input_name: x})
    return {"prediction": str(labels[0]), "probabilities": [float(p) for p in probabilities[0]]}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False, loop="uvloop", http="httptools")
