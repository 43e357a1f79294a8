//! How does Apache hash with MD5? `$apr1$`: a thousand rounds over password and salt, in a base 64 of its own.

use md5::{Digest as _, Md5};

const MAGIC: &str = "$apr1$";
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The order in which the digest's bytes are written, three a group and the last alone.
const GROUPS: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];

/// The salt of a well-formed `$apr1$salt$hash`: at most 8 characters, and a hash of 22.
pub(super) fn salt_of(stored: &str) -> Option<&str> {
    let (salt, hash) = stored.strip_prefix(MAGIC)?.split_once('$')?;
    let ours = |text: &str| text.bytes().all(|byte| ALPHABET.contains(&byte));
    (salt.len() <= 8 && hash.len() == 22 && ours(salt) && ours(hash)).then_some(salt)
}

/// The whole stored form for a password and a salt.
pub(super) fn hash(password: &[u8], salt: &str) -> String {
    let mut digest = first_digest(password, salt.as_bytes());
    for round in 0..1000 {
        digest = next_digest(round, &digest, password, salt.as_bytes());
    }
    format!("{MAGIC}{salt}${}", encode(&digest))
}

fn first_digest(password: &[u8], salt: &[u8]) -> [u8; 16] {
    let inner: [u8; 16] = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize().into();
    let mut hasher = Md5::new().chain_update(password).chain_update(MAGIC).chain_update(salt);
    for chunk in password.chunks(16) {
        hasher.update(inner.get(..chunk.len()).unwrap_or(&inner));
    }
    // As Apache does it: for each bit of the length, from the lowest, a zero byte or the password's first.
    let mut bits = password.len();
    while bits > 0 {
        let first = password.first().copied().unwrap_or_default();
        hasher.update([if bits & 1 == 1 { 0 } else { first }]);
        bits >>= 1;
    }
    hasher.finalize().into()
}

fn next_digest(round: u32, digest: &[u8; 16], password: &[u8], salt: &[u8]) -> [u8; 16] {
    let (odd, mut hasher) = (round % 2 == 1, Md5::new());
    hasher.update(if odd { password } else { digest.as_slice() });
    if !round.is_multiple_of(3) {
        hasher.update(salt);
    }
    if !round.is_multiple_of(7) {
        hasher.update(password);
    }
    hasher.update(if odd { digest.as_slice() } else { password });
    hasher.finalize().into()
}

fn encode(digest: &[u8; 16]) -> String {
    let byte = |at: usize| u32::from(digest.get(at).copied().unwrap_or_default());
    let mut text = String::with_capacity(22);
    for [high, middle, low] in GROUPS {
        push_base64(&mut text, byte(high) << 16 | byte(middle) << 8 | byte(low), 4);
    }
    push_base64(&mut text, byte(11), 2);
    text
}

/// Six bits a character, the lowest first.
fn push_base64(text: &mut String, mut bits: u32, characters: usize) {
    for _ in 0..characters {
        let at = usize::try_from(bits & 63).unwrap_or_default();
        text.push(ALPHABET.get(at).copied().map_or('.', char::from));
        bits >>= 6;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_openssl_and_apache() {
        let cases = [
            ("correct horse", "$apr1$abcdefgh$sIQmFnT1CuEXAsyjuXjUX/"),
            ("p", "$apr1$xy$q/TPHhf1FfQqXeFUwZC/b/"),
            ("a much longer password than sixteen bytes: pässwörd", "$apr1$12345678$jvSz74YmaytbpY9T0xxfi/"),
            ("", "$apr1$abc$BfqKdn9xFDWJPa3kcp/PH0"),
            ("correct horse", "$apr1$jPXRFPjw$1C64/JeL8yGgKvX3ZzT/2/"),
        ];
        for (password, stored) in cases {
            assert_eq!(hash(password.as_bytes(), salt_of(stored).unwrap()), stored);
        }
    }
}
