//! What stands in for a lost device? Ten codes, each good once, shown once, kept as digests.

use lictor_model::{Digest, Secret};

/// So many at a time.
const CODES: usize = 10;
/// 16 characters of 32 hold 80 bits: too many to search for, even with the digests.
const CHARACTERS: usize = 16;
/// Without l and o, which look like 1 and 0; and those are not there either.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Fresh codes, as their owner writes them down.
///
/// # Errors
/// When the system has no randomness to give.
pub(super) fn fresh() -> Result<Vec<Secret>, getrandom::Error> {
    (0..CODES).map(|_| one()).collect()
}

fn one() -> Result<Secret, getrandom::Error> {
    let mut random = [0_u8; CHARACTERS];
    getrandom::fill(&mut random)?;
    let letters = random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31)).copied().map(char::from));
    let grouped = letters.enumerate().flat_map(|(at, letter)| {
        let dash = (at > 0 && at.is_multiple_of(4)).then_some('-');
        dash.into_iter().chain([letter])
    });
    Ok(Secret::new(grouped.collect::<String>()))
}

/// What the store knows a code by, however it is typed; `None` when we never made such a code.
pub(super) fn digest(typed: &str) -> Option<Digest> {
    let code: String =
        typed.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    let ours = code.len() == CHARACTERS && code.bytes().all(|byte| ALPHABET.contains(&byte));
    ours.then(|| Digest::of(code.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_different_codes_are_known_however_they_are_typed() {
        let codes = fresh().unwrap();
        let digests: std::collections::HashSet<String> =
            codes.iter().map(|code| digest(code.expose()).unwrap().to_hex().as_str().to_owned()).collect();
        assert_eq!((codes.len(), digests.len()), (10, 10));
        let code = codes[0].expose();
        assert_eq!((code.len(), code.matches('-').count()), (19, 3), "{code}");
        for typed in [code.to_uppercase(), code.replace('-', ""), code.replace('-', " "), format!(" {code}\n")] {
            assert_eq!(digest(&typed), digest(code), "{typed}");
        }
        let shorter: String = code.chars().skip(1).collect();
        for other in ["", "123456", &shorter, &format!("{code}a"), &code.replacen(|_| true, "0", 1)] {
            assert_eq!(digest(other), None, "{other}");
        }
    }
}
