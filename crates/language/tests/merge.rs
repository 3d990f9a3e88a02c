//! Checkpoints with their adapters merged in say what both said side by side.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};

use tidemill_language::{Adapter, Cache, Model, Numbers, export};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

const TOKENS: [u32; 9] = [1, 17, 4, 99, 200, 3, 42, 42, 7];

fn logits(model: &Model, adapter: Option<&Adapter>) -> Vec<f32> {
    let mut cache = Cache::new(model.config());
    model.logits(&TOKENS, &mut cache, adapter).unwrap()
}

fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn merged_weights_say_what_base_and_adapter_say() {
    for (checkpoint, adapter) in
        [("llama", "adapter"), ("llama.gguf", "adapter"), ("gpt2.gguf", "gpt2-adapter")]
    {
        let path = fixtures().join(checkpoint);
        let model = Model::open(&path).unwrap();
        let adapter = Adapter::load(&fixtures().join(adapter), model.config()).unwrap();
        let wanted = logits(&model, Some(&adapter));
        let out = tempfile::tempdir().unwrap();
        export(&path, Some(&adapter), Numbers::Float32, out.path()).unwrap();
        let merged = Model::open(out.path()).unwrap();
        let found = logits(&merged, None);
        assert!(apart(&found, &wanted) < 1e-4, "{checkpoint}: {}", apart(&found, &wanted));
        // The adapter does something here.
        assert!(apart(&found, &logits(&model, None)) > 1e-2, "{checkpoint}");
        assert_eq!(merged.config().eos, model.config().eos, "{checkpoint}");
        assert_eq!(merged.chats(), model.chats(), "{checkpoint}");
        let text = "Hello, wörld! 你好";
        assert_eq!(merged.tokens().encode(text, true).unwrap(), model.tokens().encode(text, true).unwrap());
    }
}

#[test]
fn a_gguf_file_becomes_a_folder_of_the_same_bits() {
    for name in ["llama.gguf", "gpt2.gguf"] {
        let path = fixtures().join(name);
        let model = Model::open(&path).unwrap();
        let out = tempfile::tempdir().unwrap();
        let tensors = export(&path, None, Numbers::Float32, out.path()).unwrap();
        let found = Model::open(out.path()).unwrap();
        assert_eq!(logits(&found, None), logits(&model, None), "{name}");
        assert_eq!(found.config().n_parameters(), model.config().n_parameters());
        assert!(tensors >= 20, "{name}: {tensors}");
        // A folder that holds a checkpoint is left alone.
        assert!(
            export(&path, None, Numbers::Float32, out.path()).unwrap_err().to_string().contains("already")
        );
    }
}

#[test]
fn half_numbers_are_written_and_read() {
    let path = fixtures().join("llama");
    let model = Model::open(&path).unwrap();
    for (numbers, within) in [(Numbers::Bf16, 0.3), (Numbers::F16, 0.03)] {
        let out = tempfile::tempdir().unwrap();
        export(&path, None, numbers, out.path()).unwrap();
        let whole = std::fs::metadata(out.path().join("model.safetensors")).unwrap().len();
        let parameters = model.config().n_parameters() as u64;
        assert!(whole < 2 * parameters + 20_000, "{whole} bytes for {parameters} parameters");
        let worst = apart(&logits(&Model::open(out.path()).unwrap(), None), &logits(&model, None));
        // The fixture itself is in 16 bits of the one kind.
        assert!(worst < within && (worst > 0.0 || numbers == Numbers::F16), "{numbers:?}: {worst}");
    }
}
