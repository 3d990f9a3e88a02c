// llama.cpp's side of `bench language`: `node llama.mjs JOB` with a JSON job, by the library prebuilt in npm's node-llama-cpp, which lies
// in the folder that TIDEMILL_BENCH_LLAMA names. Prints one line of JSON.

import {join} from "node:path";
import {pathToFileURL} from "node:url";

const job = JSON.parse(process.argv[2]);
const entry = join(process.env.TIDEMILL_BENCH_LLAMA, "node_modules/node-llama-cpp/dist/index.js");
const {getLlama} = await import(pathToFileURL(entry));
const llama = await getLlama({gpu: false, build: "never", maxThreads: job.threads});
const model = await llama.loadModel({modelPath: job.file, useMmap: false});
const context = await model.createContext({contextSize: 2048, batchSize: 1024, threads: job.threads});
const sequence = context.getSequence();

async function prompt() {
    await sequence.clearHistory();
    const begun = performance.now();
    const last = [job.prompt.at(-1), {generateNext: {token: true}}];
    await sequence.controlledEvaluate([...job.prompt.slice(0, -1), last]);
    return performance.now() - begun;
}

// Milliseconds for each token after the first.
async function decode() {
    await sequence.clearHistory();
    let begun = 0, n = 0;
    for await (const _ of sequence.evaluate(job.prompt, {temperature: 0, yieldEogToken: true})) {
        if (n === 0) begun = performance.now();
        if (n++ === job.tokens) break;
    }
    return (performance.now() - begun) / job.tokens;
}

const taken = [];
for (let i = 0; i < 4; i++) taken.push(await (job.work === "prompt" ? prompt() : decode()));
const [, ...timed] = taken;
timed.sort((a, b) => a - b);
console.log(JSON.stringify({peer: "llama.cpp", secs: timed[1] / 1000}));
process.exit(0);
