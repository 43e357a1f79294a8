//! What do query and body become? One line in, one line out, for the differential test against Python's own parsers
//! (`e2e/test_rewriting.py`).
//!
//! In: `q` or `b` (query or body), `0` or `1` (may secrets be seen?), and the bytes in hexadecimal. Out: the bytes that would be
//! forwarded, in hexadecimal after `=`, or `refused`.

use std::io::{BufRead, Write};

use lictor_proxy::inspect::{secrets_in_body, secrets_in_query};

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        match rewritten(&line?) {
            Some(bytes) => writeln!(out, "={}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())?,
            None => writeln!(out, "refused")?,
        }
    }
    out.flush()
}

fn rewritten(line: &str) -> Option<Vec<u8>> {
    let mut words = line.split(' ');
    let (kind, allowed) = (words.next()?, words.next()? == "1");
    let bytes = unhex(words.next().unwrap_or_default())?;
    if kind == "b" {
        return secrets_in_body(&bytes, allowed).ok().map(|inspected| inspected.rewritten.to_vec());
    }
    let query = String::from_utf8(bytes).ok()?;
    let inspected = secrets_in_query(Some(&query), allowed).ok()?;
    Some(inspected.rewritten.unwrap_or_default().into_bytes())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
