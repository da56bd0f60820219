//! Texts with what can't be seen, as the tables of damaged files write it.

/// A line of a text with what can't be seen.
pub(crate) fn unescaped(line: &str, place: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once('⟪') {
        bytes.extend(before.bytes());
        let (what, behind) = behind.split_once('⟫').unwrap_or_else(|| panic!("{place}: ⟪ is not closed"));
        if what == "eof" {
            return bytes;
        }
        if let Some(count) = what.strip_suffix(" names") {
            let names: Vec<String> = (0..count.parse().unwrap()).map(|n: u32| format!("user{n}")).collect();
            bytes.extend(names.join(" ").bytes());
        } else {
            let pairs = what.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
            bytes.extend(pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()));
        }
        rest = behind;
    }
    bytes.extend(rest.bytes());
    bytes.push(b'\n');
    bytes
}
