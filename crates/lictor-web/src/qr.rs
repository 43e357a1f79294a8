//! What does a text look like as a QR code? A path of an inline SVG: no picture to fetch, and nothing for a policy to allow.

use qrcodegen::{QrCode, QrCodeEcc};

/// The quiet zone that scanners need around it, in modules.
const MARGIN: i32 = 4;

/// A QR code as an SVG.
pub(crate) struct Qr {
    /// Its width and height, margin included.
    pub(crate) size: i32,
    /// Its dark modules.
    pub(crate) path: String,
}

/// The text's code; `None` when the text is too long for any.
pub(crate) fn draw(text: &str) -> Option<Qr> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let all = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
    let dark = all.filter(|(x, y)| code.get_module(*x, *y));
    let path = dark.map(|(x, y)| format!("M{} {}h1v1h-1z", x + MARGIN, y + MARGIN)).collect();
    Some(Qr { size: code.size() + 2 * MARGIN, path })
}

#[cfg(test)]
mod unit {
    use super::draw;

    #[test]
    fn a_code_has_its_three_corners_and_a_quiet_zone() {
        let qr = draw("otpauth://totp/Lictor:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        let last = qr.size - 5;
        for corner in [(4, 4), (last, 4), (4, last)] {
            assert!(qr.path.contains(&format!("M{} {}h1", corner.0, corner.1)), "{corner:?}");
        }
        assert!(!qr.path.contains("M3 ") && !qr.path.contains(&format!("M{} ", last + 1)));
        assert!(draw(&"x".repeat(4_000)).is_none());
    }
}
