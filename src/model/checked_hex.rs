//! Short texts of fixed-width hexadecimal numbers that end with a checksum: cursors and positions.

/// One round of a 64-bit mixer (Stafford's thirteenth).
pub(in crate::model) fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A checksum of an identity and a number. Mixed twice, so one damaged text in 2^32 goes undetected.
pub(in crate::model) fn checksum(identity: u64, number: u64) -> u32 {
    // The mixer maps zero to zero, and a text of zeros must not be valid: hence the 1.
    let number = number.wrapping_add(1);
    let mixed = mix(mix(identity.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))));
    u32::try_from(mixed >> 32).unwrap_or_default()
}

/// Reads numbers of a fixed count of lower-case hexadecimal digits each, one after the other. Refuses any other text.
pub(in crate::model) fn numbers<const N: usize>(text: &str, digits: [usize; N]) -> Option<[u64; N]> {
    let well_formed = text.len() == digits.iter().sum::<usize>()
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !well_formed {
        return None;
    }
    let mut rest = text;
    let mut numbers = [0; N];
    for (number, len) in numbers.iter_mut().zip(digits) {
        let (field, behind) = rest.split_at_checked(len)?;
        *number = u64::from_str_radix(field, 16).ok()?;
        rest = behind;
    }
    Some(numbers)
}
