//! `/openapi.json`: the addresses, described from the same lists that the code works by.

use serde_json::{Value, json};
use tidemill_store::{Fate, FeedbackKind};

use crate::auth::Scope;

/// The OpenAPI 3.1 document of a server of these models.
pub fn document(models: &[&str]) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tidemill",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Predictions, feedback on them, and how the models do.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" }
        },
        "paths": paths(models),
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer", "description":
                "An API key with the scope that the address asks for; not needed while the store holds no key." } },
            "schemas": schemas()
        },
        "security": [{}, { "key": [] }]
    })
}

fn paths(models: &[&str]) -> Value {
    let mut text = json!({ "type": "string" });
    // Nobody learns more of them here than at /v1/models.
    if !models.is_empty() {
        text["enum"] = json!(models);
    }
    let name = json!([{ "name": "name", "in": "path", "required": true, "schema": text,
                        "description": "The model's name." }]);
    json!({
        "/v1/models": { "get": read("The models in service.", "Models") },
        "/v1/models/{name}": { "parameters": name, "get": read_named("A model: its columns, card and origin.", "Model") },
        "/v1/models/{name}/monitor": { "parameters": name, "get": read_named("Live scores against the test score, ratings, decisions.", "Document") },
        "/v1/models/{name}/live": { "parameters": name, "get": read_named("Counters since the server started.", "Document") },
        "/v1/models/{name}/predict": { "parameters": name, "post": predict() },
        "/v1/feedback": { "post": feedback() },
        "/v1/chat/completions": { "post": of_openai("An answer of a language model to a chat, whole or as events.") },
        "/v1/completions": { "post": of_openai("What a language model makes of a text, whole or as events.") },
        "/v1/embeddings": { "post": of_openai("Texts as vectors.") },
        "/v1/admin/models": { "post": put_model() },
        "/v1/admin/models/{name}": { "parameters": name, "delete": {
            "summary": format!("Takes a model out of service. Scope: {}.", Scope::Admin.word()),
            "responses": { "200": answer("Document"), "default": fault() } } },
        "/health/live": { "get": open("The process runs.") },
        "/health/ready": { "get": open("New work is welcome; 503 while the server ends or the store keeps nothing.") },
        "/metrics": { "get": {
            "summary": format!("What Prometheus reads. Scope: {}.", Scope::Read.word()),
            "responses": { "200": { "description": "Metrics.", "content": { "text/plain": {} } }, "default": fault() }
        } }
    })
}

fn fault() -> Value {
    json!({ "description": "What is wrong, where, and what to do.",
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Fault" } } } })
}

fn answer(schema: &str) -> Value {
    json!({ "description": "Done.", "content": { "application/json": {
        "schema": { "$ref": format!("#/components/schemas/{schema}") } } } })
}

fn read(summary: &str, schema: &str) -> Value {
    json!({ "summary": format!("{summary} Scope: {}.", Scope::Read.word()),
            "responses": { "200": answer(schema), "default": fault() } })
}

fn read_named(summary: &str, schema: &str) -> Value {
    read(summary, schema)
}

fn open(summary: &str) -> Value {
    json!({ "summary": summary, "responses": { "200": answer("Document"), "503": fault() }, "security": [{}] })
}

/// The header of requests that may be sent again.
fn idempotency_key() -> Value {
    json!([{ "name": "Idempotency-Key", "in": "header", "required": false, "schema": { "type": "string", "maxLength": 255 },
             "description": "The same request under the same key counts once, and is answered as before (409 for another request)." }])
}

fn predict() -> Value {
    json!({
        "summary": format!("Predictions for one row or many. Scope: {}.", Scope::Predict.word()),
        "parameters": idempotency_key(),
        "requestBody": { "required": true, "content": {
            "application/json": { "schema": { "$ref": "#/components/schemas/Rows" } },
            "application/x-ndjson": { "schema": { "type": "string", "description": "An object per line." } },
            "text/csv": { "schema": { "type": "string", "description": "A line of names, then a line per row." } },
            "text/tab-separated-values": { "schema": { "type": "string", "description": "The same, divided by tabs." } },
            "application/xml": { "schema": { "type": "string", "description": "See /schema/rows.xsd." } }
        } },
        "responses": {
            "200": { "description": "An answer per row, in order. The format follows Accept, else the request.", "content": {
                "application/json": { "schema": { "$ref": "#/components/schemas/Answers" } },
                "application/x-ndjson": { "schema": { "type": "string" } },
                "text/csv": { "schema": { "type": "string" } },
                "text/tab-separated-values": { "schema": { "type": "string" } },
                "application/xml": { "schema": { "type": "string", "description": "See /schema/answers.xsd." } }
            } },
            "default": fault()
        }
    })
}

/// An address that speaks as OpenAI's API does.
fn of_openai(summary: &str) -> Value {
    json!({
        "summary": format!("{summary} As in OpenAI's API. Scope: {}.", Scope::Predict.word()),
        "requestBody": { "required": true, "content": { "application/json": { "schema": {
            "type": "object", "required": ["model"], "properties": { "model": { "type": "string" } } } } } },
        "responses": { "200": answer("Document"), "default": {
            "description": "What is wrong, as OpenAI's API says it: message, type, param, code.",
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Document" } } } } }
    })
}

fn feedback() -> Value {
    json!({
        "summary": format!("What is said about predictions. Acknowledged means stored. Scope: {}.", Scope::Feedback.word()),
        "parameters": idempotency_key(),
        "requestBody": { "required": true, "content": { "application/json": { "schema": { "oneOf": [
            { "$ref": "#/components/schemas/Feedback" },
            { "type": "array", "minItems": 1, "items": { "$ref": "#/components/schemas/Feedback" } },
            { "type": "object", "required": ["feedback"], "additionalProperties": false, "properties": { "feedback": {
                "type": "array", "minItems": 1, "items": { "$ref": "#/components/schemas/Feedback" } } } }
        ] } } } },
        "responses": { "200": answer("Fates"), "default": fault() }
    })
}

fn put_model() -> Value {
    let body = json!({ "type": "object", "required": ["path"], "additionalProperties": false, "properties": {
        "path": { "type": "string", "description": "A model file in a folder that models are served from." },
        "name": { "type": ["string", "null"], "description": "What to call it; by its file without it." } } });
    json!({
        "summary": format!("Puts a model into service. Scope: {}.", Scope::Admin.word()),
        "requestBody": { "required": true, "content": { "application/json": { "schema": body } } },
        "responses": { "200": answer("Brief"), "default": fault() }
    })
}

fn schemas() -> Value {
    let kinds: Vec<&str> = FeedbackKind::ALL.iter().map(|kind| kind.word()).collect();
    let statuses = Fate::ALL.map(Fate::word);
    let cell = json!({ "type": ["number", "string", "boolean", "null", "array"] });
    let row = json!({ "type": "object", "additionalProperties": true,
                      "description": "A value per column of the model; null where it is not known. An image (a column of kind image) is its PNG, \
                                      JPEG, GIF, BMP or WebP file in base64, or a data URL of it; never a path or an address. A series (of kind series) is an \
                                      array of [timestamp, value] pairs." });
    let list = json!({ "type": "array", "items": cell });
    let warning = json!({ "type": "object", "required": ["code", "message"], "properties": {
        "code": { "type": "string" }, "column": { "type": "string" }, "message": { "type": "string" } } });
    json!({
        "Rows": { "oneOf": [
            row,
            { "type": "array", "minItems": 1, "items": { "anyOf": [row, list] } },
            { "type": "object", "required": ["rows"], "properties": {
                "columns": { "type": "array", "items": { "type": "string" } },
                "rows": { "type": "array", "minItems": 1, "items": { "anyOf": [row, list] } } } }
        ] },
        "Answers": { "type": "object", "required": ["model", "version", "predictions"], "properties": {
            "model": { "type": "string" },
            "version": { "type": "string" },
            "predictions": { "type": "array", "items": {
                "type": "object", "required": ["prediction_id", "prediction"], "properties": {
                    "prediction_id": { "type": "string", "format": "uuid" },
                    "prediction": { "type": ["number", "string", "null", "object"], "description":
                        "The number or the class; of several targets an object with one for each; a mask as PNG in base64, or with ?mask=rle as its runs." },
                    "probabilities": { "type": "object", "additionalProperties": { "type": ["number", "object"] }, "description":
                        "By class; of several targets an object of these for each target of classes." },
                    "propensity": { "type": "number", "description": "Of a policy: the probability with which the action was drawn." },
                    "expected_rewards": { "type": "object", "additionalProperties": { "type": "number" }, "description":
                        "Of a policy: the reward that is expected of each action." },
                    "warnings": { "type": "array", "items": warning } } } },
            "warnings": { "type": "array", "items": warning } } },
        "Feedback": { "type": "object", "required": ["prediction_id", "kind"], "additionalProperties": false, "properties": {
            "prediction_id": { "type": "string", "description": "A UUID; of a language model's answer also the id as it came (chatcmpl-…, cmpl-…)." },
            "kind": { "enum": kinds },
            "value": { "description": "Of several targets an object with what is known of each: {\"species\": \"Gentoo\"}." },
            "at": { "type": ["string", "integer", "null"], "description": "RFC 3339, or microseconds since 1970." },
            "user": { "type": ["string", "null"] },
            "idempotency_key": { "type": ["string", "null"] } } },
        "Fates": { "type": "object", "required": ["feedback"], "properties": { "feedback": { "type": "array", "items": {
            "type": "object", "required": ["status"], "properties": {
                "status": { "enum": statuses },
                "fate": { "enum": statuses, "deprecated": true, "description": "What `status` was called." } } } } } },
        "Models": { "type": "object", "required": ["models"], "properties": {
            "models": { "type": "array", "items": { "$ref": "#/components/schemas/Brief" } } } },
        "Brief": { "type": "object", "required": ["name", "version", "hash", "task", "target", "classes", "since"] },
        "Model": { "allOf": [{ "$ref": "#/components/schemas/Brief" }, { "type": "object", "required": ["columns", "card"] }] },
        "Document": { "type": "object" },
        "Fault": { "type": "object", "required": ["error"], "properties": { "error": {
            "type": "object", "required": ["code", "message"], "properties": {
                "code": { "type": "string" }, "message": { "type": "string" }, "row": { "type": "integer" },
                "column": { "type": "string" }, "line": { "type": "integer" }, "remedy": { "type": "string" } } } } }
    })
}
