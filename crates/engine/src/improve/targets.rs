//! Several targets: a challenger for the model of each, judged by what was said of that target. Those that are better take over together,
//! in one new file.

use tidemill_core::{Context, Error, Result};
use tidemill_package::Package;
use tidemill_store::Store;

use super::champion::Champion;
use super::{Improved, Job, challenge, put};
use crate::model::several::{self, Several};
use crate::model::{Promotion, Provenance};
use crate::report::text::improved_card_of_targets;

pub(super) fn improve(job: &Job, several: Several, store: &Store, context: &Context) -> Result<Improved> {
    let Several { package, info, provenance, parts } = several;
    let mut each: Vec<Improved> = Vec::with_capacity(parts.len());
    let mut packages: Vec<Package> = Vec::with_capacity(parts.len());
    let mut metrics = serde_json::Map::new();
    for part in parts {
        let target = part.provenance.target.clone();
        let stood = part.package.clone();
        let champion = Champion::of(part, Some(target.clone()), job, context)?;
        let (improved, promoted) = challenge(job, &champion, store, &context.part())?;
        if let Some(comparison) = improved.comparison.as_ref().filter(|_| improved.promoted) {
            let report = serde_json::to_value(&comparison.report);
            metrics.insert(target, report.map_err(|e| Error::internal(format!("metrics: {e}")))?);
        }
        packages.push(promoted.unwrap_or(stood));
        each.push(improved);
    }
    let said = |one: &Improved| format!("{}: {}", one.target.as_deref().unwrap_or_default(), one.verdict);
    let verdict = each.iter().map(said).collect::<Vec<_>>().join("\n");
    let promoted = each.iter().any(|one| one.promoted);
    let mut successor = None;
    if promoted {
        let parts = packages.iter().map(|part| Provenance::read(&part.manifest.about));
        let had: Vec<_> = parts.collect::<Result<Vec<_>>>()?.iter().map(Provenance::learned).collect();
        let origin = Provenance {
            improved: Some(Promotion {
                through: had.iter().map(|one| one.through).max().unwrap_or(i64::MIN),
                received: had.iter().filter_map(|one| one.received).max(),
                verdict: verdict.clone(),
                better_by: None,
            }),
            parent: Some(info.sha256.clone()),
            ..provenance
        };
        let metrics = serde_json::to_string_pretty(&serde_json::json!({ "targets": metrics }));
        let metrics = metrics.map_err(|e| Error::internal(format!("metrics: {e}")))?;
        let card = improved_card_of_targets(&package.card, &info.sha256, &verdict);
        let new = several::pack(packages, origin, package.recipe, card, &metrics)?;
        successor = Some(put(job, &info.sha256, &new)?);
    }
    let first = each.first().ok_or_else(|| Error::internal("a model without parts"))?;
    let warnings = each.iter().flat_map(|one| &one.warnings).cloned().collect();
    Ok(Improved {
        promoted,
        verdict,
        model: first.model.clone(),
        target: None,
        champion: info.sha256,
        successor,
        rows: first.rows,
        comparison: None,
        warnings,
        targets: each,
    })
}
