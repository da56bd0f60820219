//! Fuzz target: any bytes are read as a license file, printed back, and every statement's canonical text is read back.
#![no_main]
#![allow(missing_docs, clippy::expect_used)]

use libfuzzer_sys::fuzz_target;
use seatkeeper::license::{HostId, LicenseFile, read_canonical};
use seatkeeper::text::Source;

/// Longest canonical text that a client looks at.
const CANONICAL_BYTES_MAX: usize = 32 * 1024;

fuzz_target!(|bytes: &[u8]| {
    let file = LicenseFile::parse(Source::new("fuzz.lic", bytes));
    assert_eq!(file.print(), bytes, "printed as it was read");
    let mut at = 0;
    for line in &file.lines {
        assert!(line.span.start == at && line.span.end > at, "spans tile the file");
        at = line.span.end;
    }
    assert_eq!(at, file.source.text().len());
    for found in &file.diagnostics {
        assert!(found.span.start <= found.span.end && found.span.end <= at);
        assert!(found.line(&file.source).contains(found.id));
    }
    let servers: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
    for (_, statement) in file.statements() {
        // No publisher's attribute of a sound line stands twice, so there is a canonical text.
        let text = statement.canonical(&servers).expect("a sound line has a canonical text");
        if text.len() <= CANONICAL_BYTES_MAX {
            let (servers, read) = read_canonical(&text).expect("a canonical text is read back");
            assert_eq!(read.as_statement().canonical(&servers).as_ref(), Ok(&text));
        }
    }
});
