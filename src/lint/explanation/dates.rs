//! `L09xx`: dates. In the examples today is 15-jun-2026.

use super::table;

table! {
    "L0901",
    "The expiry date lies before today. Requests for the licenses of this line are denied with -10.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 31-mar-2026 2 SIGN=...\n"],
    "Ask the publisher for a newer line, then remove this one. Expiry is signed: a date that is edited makes the line invalid.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 31-mar-2027 2 SIGN=...\n"];

    "L0902",
    "The line expires within the next days, 30 unless told otherwise. It is valid through the end of the day that it names.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 30-jun-2026 2 SIGN=...\n"],
    "Ask the publisher for a newer line. It may be added before the old one expires: lmreread takes it up while the server runs.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 30-jun-2027 2 SIGN=...\n"];

    "L0903",
    "START= names a day that is still to come. Until that day requests for the licenses of this line are denied with -31.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 START=1-sep-2026 SIGN=...\n"],
    "Nothing, if the line is to follow an older one: keep that until then.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 START=1-jun-2026 SIGN=...\n"];

    "L0904",
    "START= names a day behind the expiry date, so there is no day on which the line is valid.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nINCREMENT fy acmed 1.0 31-dec-2026 2 START=1-jan-2027 SIGN=...\n"],
    "Ask the publisher for a corrected line. Both dates are signed.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nINCREMENT fy acmed 1.0 31-dec-2027 2 START=1-jan-2026 SIGN=...\n"];

    "L0905",
    "ISSUED= names a day that is still to come. SUPERSEDE and the order of lines go by this date, so a line that was issued later in truth is taken for the older one.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 ISSUED=1-jul-2026 SIGN=...\n"],
    "Check the clock of this machine. If it is right, tell the publisher.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 ISSUED=1-jun-2026 SIGN=...\n"];

    "L0906",
    "ISSUED= names a day behind the expiry date: the line had expired before it was made. One of the dates is probably wrong.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 31-dec-2025 2 ISSUED=1-jun-2026 SIGN=...\n"],
    "Ask the publisher which of the dates is meant.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 31-dec-2027 2 ISSUED=1-jun-2026 SIGN=...\n"];
}
