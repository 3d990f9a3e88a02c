//! Which column is the key, and whether the roles fit together.

use tidemill_core::{Error, Kind, Result, Role};

use super::identity::Identity;
use crate::plan::{InferredColumn, InferredSchema};

/// The first clear identifier becomes the key, where the recipe names none.
pub(super) fn assign_key(columns: Vec<(InferredColumn, Identity)>) -> Vec<InferredColumn> {
    let mut has_key = columns.iter().any(|(c, _)| c.role == Role::Key);
    let assign = |(mut column, identity): (InferredColumn, Identity)| {
        match identity {
            Identity::Clear if !has_key => {
                has_key = true;
                column.role = Role::Key;
                column.why += "; the key";
            }
            Identity::Clear => column.why += "; ignored, as there is a key already",
            Identity::Blurred => column.why += "; ignored",
            Identity::Useless if column.role == Role::Ignore => column.why += "; ignored",
            _ => {}
        }
        column
    };
    columns.into_iter().map(assign).collect()
}

/// Every single role once, and no role that a column cannot have.
pub(super) fn check(plan: &InferredSchema) -> Result<()> {
    for (role, word) in [
        (Role::Target, "target"),
        (Role::Key, "key"),
        (Role::Time, "time"),
        (Role::Group, "group"),
        (Role::Weight, "weight"),
        (Role::Neighbors, "list of neighbours"),
        (Role::Reward, "reward"),
        (Role::Propensity, "propensity"),
    ] {
        let names: Vec<&str> =
            plan.columns.iter().filter(|c| c.role == role).map(|c| c.name.as_str()).collect();
        if names.len() > 1 {
            let problem = format!("'{}' and '{}' are both the {word}", names[0], names[1]);
            return Err(Error::parameter(format!("columns.{}.role", names[1]), problem));
        }
    }
    let told = plan
        .columns
        .iter()
        .find(|c| matches!(c.role, Role::Prediction | Role::Probability | Role::ExpectedReward | Role::Flag));
    if let Some(column) = told {
        let problem =
            "this role is for what models add; use feature, target, key, time, group, weight or ignore";
        return Err(Error::parameter(format!("columns.{}.role", column.name), problem));
    }
    if let Some(weight) = plan.role(Role::Weight).filter(|c| !matches!(c.kind, Kind::Number | Kind::Flag)) {
        return Err(Error::WrongKind {
            column: weight.name.clone(),
            found: weight.kind,
            wanted: "a number as weight".into(),
        });
    }
    for (role, wanted) in
        [(Role::Reward, "a number or a flag as reward"), (Role::Propensity, "a number as propensity")]
    {
        if let Some(column) = plan.role(role).filter(|c| !matches!(c.kind, Kind::Number | Kind::Flag)) {
            return Err(Error::WrongKind {
                column: column.name.clone(),
                found: column.kind,
                wanted: wanted.into(),
            });
        }
    }
    if let Some(time) = plan.role(Role::Time).filter(|c| !matches!(c.kind, Kind::Number | Kind::Time)) {
        return Err(Error::WrongKind {
            column: time.name.clone(),
            found: time.kind,
            wanted: "a time or a number".into(),
        });
    }
    Ok(())
}
