//! Where does this body end? Follows a body's framing without holding its bytes.

/// A chunk size of 16 hexadecimal digits would pass 64 bits.
const MAX_SIZE_DIGITS: u8 = 15;

/// How a body is framed, and how far it has been followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BodyFraming {
    /// No body, or none left.
    None,
    /// This many bytes are left.
    Length(u64),
    /// Chunked (RFC 9112 §7.1), without extensions or trailers: nobody sends them, and parsers disagree on them.
    Chunked(ChunkState),
}

/// Where in a chunked body we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ChunkState {
    /// In the size line: digits so far, and the value they give.
    Size { digits: u8, value: u64 },
    /// After the size's CR.
    SizeLf { value: u64 },
    /// This many bytes of the chunk are left.
    Data { left: u64 },
    /// After the data.
    DataCr,
    /// After the data's CR.
    DataLf,
    /// After the last chunk's size line.
    EndCr,
    /// After the final CR.
    EndLf,
}

/// A chunk line that is not exactly what the RFC's grammar asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MalformedChunk;

impl BodyFraming {
    pub(super) const fn chunked() -> Self {
        Self::Chunked(ChunkState::Size { digits: 0, value: 0 })
    }

    /// Takes note of `bytes`; gives how many of them belong to this body. Afterwards `self` is `None` at its end.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<usize, MalformedChunk> {
        match self {
            Self::None => Ok(0),
            Self::Length(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= u64::try_from(taken).unwrap_or(*left);
                if *left == 0 {
                    *self = Self::None;
                }
                Ok(taken)
            }
            Self::Chunked(state) => {
                let (taken, ended) = state.follow(bytes)?;
                if ended {
                    *self = Self::None;
                }
                Ok(taken)
            }
        }
    }
}

impl ChunkState {
    fn follow(&mut self, bytes: &[u8]) -> Result<(usize, bool), MalformedChunk> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if let Self::Data { left } = self {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - at);
                *left -= u64::try_from(here).unwrap_or(*left);
                if *left == 0 {
                    *self = Self::DataCr;
                }
                at += here;
                continue;
            }
            at += 1;
            if self.step(*byte)? {
                return Ok((at, true));
            }
        }
        Ok((at, false))
    }

    /// One byte of a line; true at the body's very end.
    fn step(&mut self, byte: u8) -> Result<bool, MalformedChunk> {
        *self = match (&*self, byte) {
            (Self::Size { digits, .. }, b'\r') if *digits == 0 => return Err(MalformedChunk),
            (Self::Size { value, .. }, b'\r') => Self::SizeLf { value: *value },
            (Self::Size { digits, value }, _) => {
                let digit = char::from(byte).to_digit(16).ok_or(MalformedChunk)?;
                if *digits == MAX_SIZE_DIGITS {
                    return Err(MalformedChunk);
                }
                Self::Size { digits: digits + 1, value: value * 16 + u64::from(digit) }
            }
            (Self::SizeLf { value: 0 }, b'\n') => Self::EndCr,
            (Self::SizeLf { value }, b'\n') => Self::Data { left: *value },
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::Size { digits: 0, value: 0 },
            (Self::EndCr, b'\r') => Self::EndLf,
            (Self::EndLf, b'\n') => return Ok(true),
            _ => return Err(MalformedChunk),
        };
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_followed_to_its_end_and_no_further() {
        let mut framing = BodyFraming::Length(5);
        assert_eq!(framing.follow(b"abc"), Ok(3));
        assert_eq!(framing.follow(b"deGET /"), Ok(2));
        assert_eq!(framing, BodyFraming::None);
    }

    #[test]
    fn chunks_are_followed_however_they_are_cut() {
        let body = b"2\r\n{}\r\nA\r\n0123456789\r\n0\r\n\r\nGET / HTTP/1.1";
        let end = body.len() - 14;
        for cut in 0..end {
            let mut framing = BodyFraming::chunked();
            let first = framing.follow(&body[..cut]).unwrap();
            assert_eq!(first, cut);
            assert_eq!(framing.follow(&body[cut..]), Ok(end - cut));
            assert_eq!(framing, BodyFraming::None);
        }
    }

    #[test]
    fn anything_but_the_plain_grammar_is_malformed() {
        for body in [
            "2\n{}\n0\n\n",
            "2\r\n{}XX0\r\n\r\n",
            "0x2\r\n",
            "0_2\r\n",
            "10000000000000002\r\n",
            "\r\n",
            "2;a\r\n",
            "0\r\nX: y\r\n",
            "-1\r\n",
            " 2\r\n",
        ] {
            assert_eq!(BodyFraming::chunked().follow(body.as_bytes()), Err(MalformedChunk), "{body:?}");
        }
    }
}
