//! What does each reason mean, and what is to be changed? The reference page, made from the codes themselves.

use std::fmt::Write;

use lictor_model::Reason;

/// `docs/reference/reasons.md`, whole.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(
        "# Reasons\n\n\
         Every refusal carries one of these codes: in the header `x-lictor-reason`, in the field `reason` of a JSON body, in the\n\
         access line and in the audit event. The codes are stable. This page is made from the program; a test keeps the two equal.\n\n\
         | Code | Status | What is wrong, and what to change |\n|---|---|---|\n",
    );
    for reason in Reason::ALL {
        let advice = reason.advice().replace('|', "\\|");
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| `{}` | {} | {} |", reason.code(), reason.status(), advice);
    }
    page
}

#[cfg(test)]
mod unit {
    #[test]
    fn the_reference_page_of_reasons_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/reasons.md");
        if std::env::var_os("LICTOR_WRITE_DOCS").is_some() {
            std::fs::write(path, super::markdown()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(written, super::markdown(), "run again with LICTOR_WRITE_DOCS=1");
    }
}
