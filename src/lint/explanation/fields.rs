//! `L05xx`: the fields of feature, upgrade and package lines.

use super::{served, table};

table! {
    "L0501",
    "A FEATURE or INCREMENT line has five fields: feature, vendor, version, expiry date, number of licenses. UPGRADE has two versions. One is missing, so the line is not used.",
    [served!("FEATURE fx acmed 1.0 permanent SIGN=...\n")],
    "Restore the line as the publisher issued it.",
    [served!("FEATURE fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0502",
    "The feature or the vendor is not a name: it contains a blank or a control character. The line is not used.",
    [served!("FEATURE \"f x\" acmed 1.0 permanent 2 SIGN=...\n")],
    "Restore the line as the publisher issued it.",
    [served!("FEATURE fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0503",
    "A version is a number with at most one decimal point and at most ten characters. Letters or a second point make the line unusable.",
    [served!("FEATURE fx acmed v2 permanent 2 SIGN=...\n")],
    "Restore the line as the publisher issued it.",
    [served!("FEATURE fx acmed 2.0 permanent 2 SIGN=...\n")];

    "L0504",
    "A version of the form yyyy.mmdd has a month of one digit. Versions compare as decimal numbers, so 2020.201 (1 February) is greater than 2020.1231.",
    [served!("FEATURE fx acmed 2020.201 permanent 2 SIGN=...\n")],
    "Ask the publisher for a line with 2020.0201.",
    [served!("FEATURE fx acmed 2020.0201 permanent 2 SIGN=...\n")];

    "L0505",
    "A version looks like a date yyyy.mmdd, but there is no such day. It is compared as a number all the same.",
    [served!("FEATURE fx acmed 2020.1131 permanent 2 SIGN=...\n")],
    "If it is meant as a date, ask the publisher for a corrected line.",
    [served!("FEATURE fx acmed 2020.1130 permanent 2 SIGN=...\n")];

    "L0506",
    "The expiry date is not of the form dd-mmm-yyyy with an English month, and not the word permanent. The line is not used.",
    [served!("FEATURE fx acmed 1.0 2027-12-31 2 SIGN=...\n")],
    "Restore the line as the publisher issued it: the date is signed as it is written.",
    [served!("FEATURE fx acmed 1.0 31-dec-2027 2 SIGN=...\n")];

    "L0507",
    "The number of licenses is neither a number up to 4294967295 nor the word uncounted. The line is not used.",
    [served!("FEATURE fx acmed 1.0 permanent many SIGN=...\n")],
    "Restore the line as the publisher issued it.",
    [served!("FEATURE fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0508",
    "An uncounted line (uncounted or 0) may be used any number of times on the hosts that HOSTID= names. Without HOSTID= it would be bound to nothing, so it is not used.",
    [served!("FEATURE fx acmed 1.0 permanent uncounted SIGN=...\n")],
    "Ask the publisher for a line with HOSTID=, or with a number of licenses.",
    [served!("FEATURE fx acmed 1.0 permanent uncounted HOSTID=0011aabbccdd SIGN=...\n")];

    "L0509",
    "The hostid DEMO is for uncounted lines only. The line is not used.",
    [served!("FEATURE fx acmed 1.0 permanent 3 HOSTID=DEMO SIGN=...\n")],
    "Ask the publisher for a line without it.",
    [served!("FEATURE fx acmed 1.0 permanent 3 SIGN=...\n")];

    "L0510",
    "An uncounted line is for ANY machine. It is bound to nothing, not even to the SERVER hostid: whoever has a copy of it can use it anywhere.",
    [served!("FEATURE fx acmed 1.0 permanent uncounted HOSTID=ANY SIGN=...\n")],
    "If that is not meant, ask the publisher for a line with a hostid or a number.",
    [served!("FEATURE fx acmed 1.0 permanent uncounted HOSTID=0011aabbccdd SIGN=...\n")];

    "L0511",
    "A year of two digits means 19xx, so the line expired long ago.",
    [served!("FEATURE fx acmed 1.0 1-jan-99 3 SIGN=...\n")],
    "If a later year is meant, ask the publisher for a line with four digits.",
    [served!("FEATURE fx acmed 1.0 1-jan-2099 3 SIGN=...\n")];

    "L0512",
    "An UPGRADE line moves licenses of versions from its first version up to below its second one. The first is not below the second, so no version fits and the line is not used.",
    [served!("INCREMENT fx acmed 1.0 permanent 5 SIGN=...\nUPGRADE fx acmed 2.0 1.0 permanent 2 SIGN=...\n")],
    "Ask the publisher for a corrected line. Remember that 1.10 is the same version as 1.1.",
    [served!("INCREMENT fx acmed 1.0 permanent 5 SIGN=...\nUPGRADE fx acmed 1.0 2.0 permanent 2 SIGN=...\n")];

    "L0513",
    "An UPGRADE line moves a number of licenses, so it can't be uncounted. The line is not used.",
    [served!("INCREMENT fx acmed 1.0 permanent 5 SIGN=...\nUPGRADE fx acmed 1.0 2.0 permanent uncounted HOSTID=0011aabbccdd SIGN=...\n")],
    "Ask the publisher for a line with a number.",
    [served!("INCREMENT fx acmed 1.0 permanent 5 SIGN=...\nUPGRADE fx acmed 1.0 2.0 permanent 2 SIGN=...\n")];

    "L0521",
    "A PACKAGE line begins with the package's name and its vendor. One is missing or not a name, so the line is not used.",
    [served!("PACKAGE pk COMPONENTS=\"ca cb\" SIGN=...\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")],
    "Restore the line as the publisher issued it.",
    [];

    "L0522",
    "A PACKAGE line has no COMPONENTS= or an empty one. A package of nothing licenses nothing; the line is not used.",
    [served!("PACKAGE pk acmed 1.0 COMPONENTS=\" \" SIGN=...\n")],
    "Restore the line as the publisher issued it.",
    [];

    "L0523",
    "A component is written name, name:version or name:version:count, where the version is a number and the count at least 1. The line is not used.",
    [served!("PACKAGE pk acmed 1.0 COMPONENTS=\"ca:1.0:0 cb\" SIGN=...\n")],
    "Restore the line as the publisher issued it.",
    [];

    "L0524",
    "A component stands twice on a PACKAGE line, so it is not clear how many licenses it has. The line is not used.",
    [served!("PACKAGE pk acmed 1.0 COMPONENTS=\"ca:1.5:2 cb ca\" SIGN=...\n")],
    "Ask the publisher for a corrected line.",
    [];

    "L0525",
    "In a suite every component has as many licenses as the suite; a count of its own is for bundles only. The line is not used.",
    [served!("PACKAGE pk acmed 1.0 COMPONENTS=\"ca:1.5:2 cb\" OPTIONS=SUITE SIGN=...\n")],
    "Ask the publisher for a corrected line.",
    [];

    "L0526",
    "OPTIONS= of a PACKAGE line is SUITE or SUITE_RESERVED, in capitals. A bundle has no OPTIONS. The line is not used.",
    [served!("PACKAGE pk acmed 1.0 COMPONENTS=\"ca cb\" OPTIONS=BUNDLE SIGN=...\n")],
    "Restore the line as the publisher issued it.",
    [];

    "L0527",
    "A component's name contains a colon, because what follows the colon is no version. Colons are legal in names, but usually the version is damaged.",
    [served!("PACKAGE pk acmed 1.0 COMPONENTS=\"ca:v2 pk\" SIGN=...\nFEATURE pk acmed 1.0 permanent 2 SIGN=...\n")],
    "Compare the line with the one that the publisher issued.",
    [];

    "L0528",
    "Blanks separate the components of a package. A comma belongs to the name of the component, so two components become one that nobody asks for.",
    [served!("PACKAGE pk acmed 1.0 COMPONENTS=\"pk,fy\" SIGN=...\nFEATURE pk acmed 1.0 permanent 2 SIGN=...\n")],
    "Compare the line with the one that the publisher issued: the list is signed.",
    [served!("PACKAGE pk acmed 1.0 COMPONENTS=\"pk fy\" SIGN=...\nFEATURE pk acmed 1.0 permanent 2 SIGN=...\n")];
}
