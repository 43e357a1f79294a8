//! Can this text stand in a list? One line of what shows, and not too long.

use crate::error::ManageError;

/// The longest label of a key, in characters.
pub const LABEL: usize = 100;
/// The longest description of a team or a role, in characters.
pub const DESCRIPTION: usize = 200;

/// That a text is one line of characters that show.
///
/// # Errors
/// [`ManageError::Text`].
pub fn check(what: &'static str, text: &str, most: usize) -> Result<(), ManageError> {
    if is_line(text, most) { Ok(()) } else { Err(ManageError::Text { what, most }) }
}

/// Whether a text is one line of at most so many characters that show.
#[must_use]
pub fn is_line(text: &str, most: usize) -> bool {
    text.chars().count() <= most && !text.chars().any(is_unseen)
}

/// Whether it shows nothing, or turns round what stands beside it.
fn is_unseen(letter: char) -> bool {
    let turns =
        matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    turns || letter.is_control()
}
