//! Is this password good enough? Long, not among those that everybody tries first, not made of the own name.

/// The shortest password, in characters. Length is what counts, and a password is all that is asked for here (NIST SP
/// 800-63B-4 §3.1.1.2); no other composition rules.
pub const MIN_CHARACTERS: usize = 15;
/// The longest password, in bytes: long enough for any phrase, short enough for any header.
pub const MAX_BYTES: usize = 1024;

/// Passwords that are tried first, one a line, in lower case.
const COMMON: &str = include_str!("common.txt");

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Too short.
    #[error("the password is too short: use at least {MIN_CHARACTERS} characters")]
    TooShort,
    /// Too long.
    #[error("the password is too long: use at most {MAX_BYTES} bytes")]
    TooLong,
    /// It cannot be sent in a header, or typed.
    #[error("the password contains a control character: use printable characters only")]
    ControlCharacter,
    /// It would be read as an API key.
    #[error("the password looks like an API key: choose one that does not begin with \"lictor_\"")]
    LooksLikeKey,
    /// Everybody's first guess.
    #[error("the password is one of those that are tried first: choose another")]
    Common,
    /// The own name, or little more.
    #[error("the password contains the account's name: choose another")]
    ContainsName,
    /// Few different characters.
    #[error("the password repeats a few characters: choose another")]
    Repetitive,
    /// Characters in a row.
    #[error("the password counts characters up or down: choose another")]
    Sequential,
}

/// Checks a new password.
///
/// # Errors
/// The first [`PolicyError`] found.
pub fn check(password: &str, name: &str) -> Result<(), PolicyError> {
    check_with(password, name, MIN_CHARACTERS)
}

/// Checks a new password against another least length.
///
/// # Errors
/// The first [`PolicyError`] found.
pub fn check_with(password: &str, name: &str, min_characters: usize) -> Result<(), PolicyError> {
    if password.len() > MAX_BYTES {
        return Err(PolicyError::TooLong);
    }
    if password.chars().any(char::is_control) {
        return Err(PolicyError::ControlCharacter);
    }
    if lictor_model::ApiKey::looks_like(password) {
        return Err(PolicyError::LooksLikeKey);
    }
    if password.chars().count() < min_characters {
        return Err(PolicyError::TooShort);
    }
    let folded = password.to_lowercase();
    // A short name occurs in any phrase by chance.
    if name.chars().count() >= 3 && folded.contains(name) {
        return Err(PolicyError::ContainsName);
    }
    if is_common(&folded) {
        return Err(PolicyError::Common);
    }
    let different: std::collections::BTreeSet<char> = folded.chars().collect();
    if different.len() < 5 {
        return Err(PolicyError::Repetitive);
    }
    if is_sequential(&folded) { Err(PolicyError::Sequential) } else { Ok(()) }
}

/// Whether most of it is characters that stand side by side in the alphabet, as `1234567890abcde`: no words are.
fn is_sequential(folded: &str) -> bool {
    let steps = folded.chars().zip(folded.chars().skip(1));
    let rows = steps.filter(|(one, next)| u32::from(*one).abs_diff(u32::from(*next)) <= 1).count();
    // Three of four steps.
    rows * 4 >= folded.chars().count().saturating_sub(1) * 3
}

/// Common as it stands, or a common one with digits and signs around it, or one written several times.
fn is_common(folded: &str) -> bool {
    let core = folded.trim_matches(|c: char| !c.is_alphabetic());
    COMMON.lines().filter(|line| !line.is_empty()).any(|common| {
        folded == common
            || core == common
            || (folded.len().is_multiple_of(common.len()) && folded.replace(common, "").is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(password: &str) -> Result<(), PolicyError> {
        check(password, "alice")
    }

    #[test]
    fn a_phrase_is_good_enough() {
        for password in [
            "correct horse battery",
            "Tr0ub4dor&3 and more",
            "пароль и ещё слова",
            "x7!kQp2#mZ9wT4&",
            "no hijk stun or def",
        ] {
            assert_eq!(judge(password), Ok(()), "{password}");
        }
    }

    #[test]
    fn each_weakness_is_named() {
        let cases = [
            ("short", PolicyError::TooShort),
            ("fourteen chars", PolicyError::TooShort),
            ("", PolicyError::TooShort),
            ("with\u{7}bell inside it", PolicyError::ControlCharacter),
            ("lictor_something_long", PolicyError::LooksLikeKey),
            ("password1234567", PolicyError::Common),
            ("Administrator!!!", PolicyError::Common),
            ("qwertyqwertyqwerty", PolicyError::Common),
            ("Qwertyuiopasdfghjkl1", PolicyError::Common),
            ("iloveyou2024!!!", PolicyError::Common),
            ("prefectprefectprefect", PolicyError::Common),
            ("my-Alice-is-here", PolicyError::ContainsName),
            ("aaaaaaaaaaaaaaaa", PolicyError::Repetitive),
            ("zkzkzkzkzkzkzkzk", PolicyError::Repetitive),
            ("123456789012345", PolicyError::Sequential),
            ("zyxwvutsrqponml", PolicyError::Sequential),
            ("abcdefgh1234567x", PolicyError::Sequential),
            ("aaaabbbbccccddddeeee", PolicyError::Sequential),
        ];
        for (password, weakness) in cases {
            assert_eq!(judge(password), Err(weakness), "{password}");
        }
        assert_eq!(judge(&"ab cd efgh ".repeat(1000)), Err(PolicyError::TooLong));
    }

    #[test]
    fn the_list_is_in_lower_case_and_without_repetition() {
        let lines: Vec<&str> = COMMON.lines().collect();
        let set: std::collections::BTreeSet<&&str> = lines.iter().collect();
        assert!(lines.len() >= 300, "{}", lines.len());
        assert_eq!(set.len(), lines.len());
        assert!(lines.iter().all(|line| !line.is_empty() && line.to_lowercase() == **line));
    }
}
