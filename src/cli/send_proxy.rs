//! The values of `--send-proxy`, an option of the client and the load generator.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::net::proxy::Version;

impl ValueEnum for Version {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::V1, Self::V2]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::V1 => "A line of text",
            Self::V2 => "Binary",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}
