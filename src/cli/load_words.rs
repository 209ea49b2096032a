//! The values of the load generator's enumerated options.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::load::{Close, Mode, ReportFormat};

impl ValueEnum for Mode {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.about()))
    }
}

impl ValueEnum for Close {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Fin, Self::Rst]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Fin => PossibleValue::new("fin").help("Orderly, with FIN from both sides"),
            Self::Rst => PossibleValue::new("rst").help("With RST, leaving no port in TIME_WAIT"),
        })
    }
}

impl ValueEnum for ReportFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Text, Self::Json]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Text => PossibleValue::new("text").help("Human-readable tables"),
            Self::Json => PossibleValue::new("json").help("One JSON object"),
        })
    }
}
