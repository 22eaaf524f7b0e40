//! The payload of a notification.

use std::fmt::Write as _;

/// The longest text that is sent. PostgreSQL takes less than 8,000 bytes.
const LONGEST: usize = 7_000;

/// The information that a store wrote to some instances, or tried to. Nothing depends on it: a store that gets none sees the
/// commits at the next poll.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hint {
    /// The session that sent it.
    pub(super) sender: u64,
    /// The numbers of the instances, or none if there are too many to name.
    pub(super) instances: Option<Vec<u64>>,
}

impl Hint {
    pub(super) fn text(sender: u64, instances: &[u64]) -> String {
        let mut text = format!("{sender:x}");
        for instance in instances {
            // Writing to a string does not fail.
            let _written = write!(text, ",{instance:x}");
            if text.len() > LONGEST {
                return format!("{sender:x}");
            }
        }
        text
    }

    /// A text that no store sent is a hint about all instances.
    pub(super) fn parse(text: &str) -> Self {
        let mut numbers = text.split(',').map(|number| u64::from_str_radix(number, 16).ok());
        let sender = numbers.next().flatten().unwrap_or_default();
        let instances = numbers.collect::<Option<Vec<u64>>>().filter(|instances| !instances.is_empty());
        Self { sender, instances }
    }
}

#[cfg(test)]
mod tests {
    use super::Hint;

    #[test]
    fn hints_are_parsed_as_they_are_sent() {
        for instances in [vec![1], vec![u64::MAX, 0, 77]] {
            let hint = Hint { sender: u64::MAX, instances: Some(instances.clone()) };
            assert_eq!(Hint::parse(&Hint::text(u64::MAX, &instances)), hint);
        }
    }

    #[test]
    fn many_instances_are_sent_as_all() {
        let text = Hint::text(7, &[u64::MAX; 1_000]);
        assert!(text.len() < 8_000);
        assert_eq!(Hint::parse(&text), Hint { sender: 7, instances: None });
    }

    #[test]
    fn other_texts_are_hints_about_all_instances() {
        for text in ["", "hello", "7,hello", "7,,", ",", "7,-1", "7,10000000000000000"] {
            assert_eq!(Hint::parse(text).instances, None, "{text:?}");
        }
    }
}
