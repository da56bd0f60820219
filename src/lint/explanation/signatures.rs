//! `L08xx`: signatures and keys. In the examples today is 15-jun-2026.

use super::{served, table};

table! {
    "L0801",
    "The line has no SIGN=, so nothing shows that the publisher issued it. It is not served; requests are denied with -18.",
    [served!("INCREMENT fx acmed 1.0 permanent 2\n")],
    "Restore the line as the publisher issued it. Who is the publisher signs it with lmcrypt sign.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0802",
    "The value of SIGN= is not a key id with hexadecimal digits: another license system made it, or it was damaged. Seatkeeper checks and makes only its own signatures.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=\"0123 4567 89AB CDEF\"\n")],
    "Restore the line as the publisher issued it. Files that another license system serves are checked with lmlint --foreign.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0803",
    "The signature was made over another text: a part of the line that the publisher signs was edited, or a hostid on a SERVER line. (In the example the number was 2 when the line was signed.)",
    [served!("INCREMENT fx acmed 1.0 permanent 20 SIGN=...\n")],
    "Restore the line as the publisher issued it. Host names, ports, paths and attributes in lower case may be edited, nothing else.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0804",
    "The line is signed with a key that the vendor manifest at hand does not have. The publisher may have a newer key, or the manifest is that of another publisher of the same name.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=\"0badcafe 0001020304050607 08090a0b0c0d0e0f 10111213\"\n")],
    "Get the publisher's newer manifest, or newer lines if the key is an old one.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0805",
    "The vendor manifest says that the key retired, and its last day has passed. (In the example that day is 31-may-2026.) The line is not served; requests are denied with -8.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")],
    "Ask the publisher for the line signed with its newer key.",
    [];

    "L0806",
    "The vendor manifest says that the key retires soon, and the line would be valid for longer. (In the example its last day is 30-jun-2026.) It ends with that day.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")],
    "Ask the publisher for the line signed with its newer key.",
    [];

    "L0811",
    "The line is signed with the demo key, which is published with Seatkeeper, so that everybody can try everything. Everything under it is marked DEMO.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")],
    "Nothing while you try things out. For licenses that are worth something make a key with lmcrypt keygen.",
    [];

    "L0812",
    "The publisher's keys stand in its vendor manifest, which is not at hand. Nothing else is left out, but whether the signatures are right is not known.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")],
    "Name the directory of the manifest with --vendor-dir.",
    [];
}
