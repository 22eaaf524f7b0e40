//! Measures by name, printed as rows of a table.

use std::env;
use std::time::Duration;

/// Whether to measure (`cargo bench`), and not only to run everything once.
pub fn is_wanted() -> bool {
    let has = |name: &str| env::args().any(|argument| argument == name);
    has("--bench") && !has("--test")
}

/// A number from the environment.
pub fn number(variable: &str, default: usize) -> usize {
    env::var(variable).map_or(default, |number| number.parse().unwrap())
}

/// Measures something and prints it.
pub type Measure<T> = fn(&T);

/// Takes the measures that the command line names, or all.
pub fn take<T>(head: &str, measures: &[(&str, Measure<T>)], of: &T) {
    let names: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    println!("{head}");
    for (name, measure) in measures {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            measure(of);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
pub fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
