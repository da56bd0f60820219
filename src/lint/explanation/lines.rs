//! `L10xx`: lines against each other.

use super::{served, table};

table! {
    "L1001",
    "Two lines say the same in everything that is signed. They count once, so that a copy of a file does not double the licenses.",
    [
        served!("INCREMENT fx acmed 1.0 permanent 2 SN=1 SIGN=...\n"),
        served!("INCREMENT fx acmed 1.0 permanent 2 SN=1 SIGN=...\n")
    ],
    "Remove one of them. If both were bought, ask the publisher for lines that differ in SN.",
    [
        served!("INCREMENT fx acmed 1.0 permanent 2 SN=1 SIGN=...\n"),
        served!("INCREMENT fx acmed 1.0 permanent 2 SN=2 SIGN=...\n")
    ];

    "L1002",
    "Two lines differ in nothing but their signatures. They count once. (In the example each is signed with another key of the publisher.)",
    [
        served!("INCREMENT fx acmed 1.0 permanent 2 SN=1 SIGN=...\n"),
        served!("INCREMENT fx acmed 1.0 permanent 2 SN=1 SIGN=...\n")
    ],
    "Keep the one that is signed with the newer key.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SN=1 SIGN=...\n")];

    "L1003",
    "Of several counted FEATURE lines of one name only the first is used, in the order of the files and of the lines in them. Likewise of several PACKAGE lines of one name and version. The others add nothing.",
    [served!("FEATURE fx acmed 1.0 permanent 2 SIGN=...\nFEATURE fx acmed 1.0 permanent 3 SIGN=...\n")],
    "Put the one that is meant first and remove the others. If the licenses shall add, ask the publisher for INCREMENT lines: the keyword is signed.",
    [served!("FEATURE fx acmed 1.0 permanent 2 SIGN=...\nINCREMENT fx acmed 1.0 permanent 3 SIGN=...\n")];

    "L1004",
    "A line with SUPERSEDE and a later ISSUED date replaces this one, in whatever file it stands.",
    [served!("INCREMENT fx acmed 1.0 permanent 5 ISSUED=1-jan-2025 SIGN=...\nINCREMENT fx acmed 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE SIGN=...\n")],
    "Nothing. The older line may be removed.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE SIGN=...\n")];

    "L1005",
    "SUPERSEDE replaces lines that were issued before its own line. Without ISSUED= there is no day to compare with, so it replaces nothing.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SUPERSEDE SIGN=...\n")],
    "Remove the older lines by hand, or ask the publisher for a line with ISSUED.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SUPERSEDE ISSUED=1-jan-2026 SIGN=...\n")];

    "L1006",
    "The list of SUPERSEDE has a name that no line has, but one that is spelt nearly alike. What was meant to be replaced goes on being served.",
    [served!("INCREMENT fx_old acmed 1.0 permanent 5 ISSUED=1-jan-2025 SIGN=...\nINCREMENT fy acmed 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE=\"fx_odl\" SIGN=...\n")],
    "Ask the publisher for a corrected line; until then remove the older line by hand.",
    [served!("INCREMENT fx_old acmed 1.0 permanent 5 ISSUED=1-jan-2025 SIGN=...\nINCREMENT fy acmed 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE=\"fx_old\" SIGN=...\n")];

    "L1007",
    "SUPERSEDE with a list replaces lines of the names in it and no others. An older line of its own name stays, and its licenses add.",
    [served!("INCREMENT fx acmed 1.0 permanent 5 ISSUED=1-jan-2025 SIGN=...\nINCREMENT fx acmed 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE=\"fy\" SIGN=...\n")],
    "If the older line shall be replaced too, remove it. If not, all is well.",
    [served!("INCREMENT fx acmed 1.0 permanent 5 ISSUED=1-jan-2025 SIGN=...\nINCREMENT fx acmed 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE=\"fx fy\" SIGN=...\n")];

    "L1008",
    "SUPERSEDE would replace older lines, but none stands in the files. That is how it should be when they were removed; it is worth a look if one was meant to be kept or has another name.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE SIGN=...\n")],
    "Nothing.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 ISSUED=1-jan-2026 SIGN=...\n")];

    "L1011",
    "UPGRADE moves licenses of the nearest line before it with a version from its first version to below its second. There is none, so it licenses nothing.",
    [served!("UPGRADE fx acmed 1.0 2.0 permanent 2 SIGN=...\n")],
    "Add the line that it upgrades, before it. The versions of both are signed: if they don't fit, ask the publisher.",
    [served!("INCREMENT fx acmed 1.0 permanent 5 SIGN=...\nUPGRADE fx acmed 1.0 2.0 permanent 2 SIGN=...\n")];

    "L1012",
    "UPGRADE takes its licenses from one line, the nearest before it. That has fewer left than it asks for, so only those are upgraded.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\nUPGRADE fx acmed 1.0 2.0 permanent 3 SIGN=...\n")],
    "Ask the publisher for an UPGRADE line for each line that is to be upgraded.",
    [served!("INCREMENT fx acmed 1.0 permanent 3 SIGN=...\nUPGRADE fx acmed 1.0 2.0 permanent 3 SIGN=...\n")];

    "L1013",
    "UPGRADE looks for its base among the lines before it, in earlier files too. The line that fits stands behind it, so the UPGRADE licenses nothing.",
    [served!("UPGRADE fx acmed 1.0 2.0 permanent 2 SIGN=...\nINCREMENT fx acmed 1.0 permanent 5 SIGN=...\n")],
    "Move the UPGRADE line behind the line that it upgrades, or name its file later. The order of lines is not signed.",
    [served!("INCREMENT fx acmed 1.0 permanent 5 SIGN=...\nUPGRADE fx acmed 1.0 2.0 permanent 2 SIGN=...\n")];

    "L1021",
    "A PACKAGE line says what a package consists of; how many there are says a FEATURE or INCREMENT line of the same name. None is in effect, so no component can be checked out.",
    [served!("PACKAGE suite1 acmed 1.0 COMPONENTS=\"ca cb\" SIGN=...\nFEATURE siute1 acmed 1.0 permanent 2 SIGN=...\n")],
    "Add the feature line of this name that the publisher issued. It may stand in another file of the server.",
    [served!("PACKAGE suite1 acmed 1.0 COMPONENTS=\"ca suite1\" SIGN=...\nFEATURE suite1 acmed 1.0 permanent 2 SIGN=...\n")];

    "L1022",
    "If a PACKAGE line has a version, the feature line of its name must have the same. Otherwise the feature is an ordinary one, and the package licenses nothing through it.",
    [served!("PACKAGE pk acmed 1.0 COMPONENTS=\"ca cb\" SIGN=...\nFEATURE pk acmed 2.0 permanent 5 SIGN=...\n")],
    "Ask the publisher for lines that fit together.",
    [served!("PACKAGE pk acmed 2.0 COMPONENTS=\"ca cb\" SIGN=...\nFEATURE pk acmed 2.0 permanent 5 SIGN=...\n")];

    "L1023",
    "A component of a package has feature lines of its own too. Its licenses come from both; where all keys are equal, they are one pool.",
    [served!("PACKAGE pk acmed 1.0 COMPONENTS=\"ca pk\" SIGN=...\nFEATURE pk acmed 1.0 permanent 5 SIGN=...\nINCREMENT ca acmed 1.0 permanent 1 SIGN=...\n")],
    "Nothing, if both were bought.",
    [served!("PACKAGE pk acmed 1.0 COMPONENTS=\"ca pk\" SIGN=...\nFEATURE pk acmed 1.0 permanent 5 SIGN=...\n")];

    "L1024",
    "A bundle becomes its components, and licenses of a suite go with its components. The name of the package can't be checked out by itself, which surprises who asks for it.",
    [served!("PACKAGE pk acmed 1.0 COMPONENTS=\"ca cb\" SIGN=...\nFEATURE pk acmed 1.0 permanent 5 SIGN=...\n")],
    "Nothing. Options lines that name the package hold for all its components.",
    [served!("PACKAGE pk acmed 1.0 COMPONENTS=\"ca pk\" SIGN=...\nFEATURE pk acmed 1.0 permanent 5 SIGN=...\n")];

    "L1026",
    "Each enabling line of a package makes a lot of licenses for each component. There are so many of both that their product is beyond what is served.",
    [],
    "Ask the publisher for one enabling line with the sum of the licenses in the place of many.",
    [];

    "L1027",
    "A component has its own number times the number of the enabling line. The product is beyond 4294967295, and that is what is served.",
    [served!("PACKAGE pk acmed 1.0 COMPONENTS=\"pk:1.0:4294967295\" SIGN=...\nFEATURE pk acmed 1.0 permanent 2 SIGN=...\n")],
    "Ask the publisher for a smaller number.",
    [served!("PACKAGE pk acmed 1.0 COMPONENTS=\"pk:1.0:100\" SIGN=...\nFEATURE pk acmed 1.0 permanent 2 SIGN=...\n")];

    "L1028",
    "The PACKAGE line of this name has been superseded or can't be used. Its components are not served, and this line licenses an ordinary feature of the package's name, which nobody may ask for.",
    [served!("PACKAGE pk acmed 1.0 COMPONENTS=\"ca pl\" ISSUED=1-jan-2025 SIGN=...\nPACKAGE pl acmed 1.0 COMPONENTS=\"ca pl\" ISSUED=1-jan-2026 SUPERSEDE=\"pk\" SIGN=...\nFEATURE pk acmed 1.0 permanent 5 SIGN=...\nFEATURE pl acmed 1.0 permanent 5 SIGN=...\n")],
    "Ask the publisher for lines that fit together, or remove the feature line.",
    [served!("PACKAGE pl acmed 1.0 COMPONENTS=\"ca pl\" ISSUED=1-jan-2026 SIGN=...\nFEATURE pl acmed 1.0 permanent 5 SIGN=...\n")];

    "L1031",
    "Lines that differ in their expiry dates are one pool all the same. It shrinks when one of them expires, and an options line that selects by EXPDATE concerns all of it.",
    [served!("INCREMENT fx acmed 1.0 31-dec-2026 5 SIGN=...\nINCREMENT fx acmed 1.0 30-nov-2026 5 SIGN=...\n")],
    "Nothing, if that is what was bought. Plan for the day on which the pool shrinks.",
    [served!("INCREMENT fx acmed 1.0 31-dec-2026 5 SIGN=...\nINCREMENT fx acmed 1.0 31-dec-2026 6 SIGN=...\n")];

    "L1032",
    "Lines of one feature and version that differ in a key are counted apart: a request is served by one of the pools alone. (In the example the publisher's manifest makes VENDOR_STRING a key; BORROW and DUP_GROUP always are.)",
    [served!("INCREMENT fx acmed 1.0 permanent 5 SIGN=...\nINCREMENT fx acmed 1.0 permanent 5 VENDOR_STRING=lab SIGN=...\n")],
    "If they shall be one pool, ask the publisher for lines that agree in this key.",
    [served!("INCREMENT fx acmed 1.0 permanent 5 SIGN=...\nINCREMENT fx acmed 1.0 permanent 6 SIGN=...\n")];

    "L1033",
    "Requests take the first pool that suffices, which usually is the one with the lowest version. File order and sort= come before that, so here licenses of a higher version go first, and who needs that version may find none left.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\nINCREMENT fx acmed 2.0 permanent 2 sort=1 SIGN=...\n")],
    "If that is not meant, remove sort=, or name the file with the lower version first.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\nINCREMENT fx acmed 2.0 permanent 2 SIGN=...\n")];

    "L1034",
    "A feature has lines for single hosts without a count and counted ones. Both are served: hosts that an uncounted line names take no license of the others.",
    [served!("FEATURE fx acmed 1.0 permanent uncounted HOSTID=0011aabbccdd SIGN=...\nFEATURE fx acmed 1.0 permanent 2 SIGN=...\n")],
    "Nothing, if that is what was bought.",
    [served!("FEATURE fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L1035",
    "Two pools of a feature have the same number of sort=. Among them the order of the file decides, not version and date as among lines without it.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 sort=50 SIGN=...\nINCREMENT fx acmed 2.0 permanent 2 sort=50 SIGN=...\n")],
    "Give each pool a number of its own. sort= is not signed.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 sort=50 SIGN=...\nINCREMENT fx acmed 2.0 permanent 2 sort=51 SIGN=...\n")];

    "L1036",
    "sort= says which pool of a feature in one file is used up first. In this file the feature has one pool, so there is nothing to choose. It does not reach across files: there the order of the files decides.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 sort=50 SIGN=...\n")],
    "Remove it, or change the order of the files.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L1041",
    "The line carries a restriction of the publisher that can't be respected yet. Serving it would give more than was sold, so requests are denied with -18.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 FLOAT_OK SIGN=...\n")],
    "Ask the publisher for a line without it.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L1042",
    "The line is served, but what this attribute allows is not there yet.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 ONE_TS_OK SIGN=...\n")],
    "Nothing; the message says what follows from it.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];
}
