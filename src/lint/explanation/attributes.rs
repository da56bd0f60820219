//! `L06xx` and `L07xx`: attributes and hostids.

use super::{served, table};

table! {
    "L0601",
    "Attributes with capital letters are the publisher's. An unknown one may restrict the license in a way that can't be respected here, so the line is not used.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 VENDOR_STRNG=lab SIGN=...\n")],
    "Restore the spelling that the publisher issued, or ask what the attribute means. Names of your own notes are written in lower case, such as asset_info=.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 VENDOR_STRING=lab SIGN=...\n")];

    "L0602",
    "Behind the fields stand attributes: NAME or NAME=value. This word is neither. The line is not used.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 415, SIGN=...\n")],
    "Remove the word, or quote the value that it belongs to.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0603",
    "An attribute of the publisher stands twice on a line, and nobody can say which of them is signed. The line is not used.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SN=1 SIGN=... SN=2\n")],
    "Restore the line as the publisher issued it. Two lines may have been joined by a backslash too many.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SN=1 SIGN=...\n")];

    "L0604",
    "An attribute that needs a value has none. The line is not used.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=... SN\n")],
    "Restore the line as the publisher issued it.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=... SN=7\n")];

    "L0605",
    "An attribute that takes no value has one. The line is not used.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 TS_OK=1 SIGN=...\n")],
    "Restore the line as the publisher issued it.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 TS_OK SIGN=...\n")];

    "L0606",
    "The value of an attribute is not of the form that it takes, such as a word where a number must stand. The line is not used.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 DUP_GROUP=UX SIGN=...\n")],
    "Restore the line as the publisher issued it.",
    [];

    "L0607",
    "START= and ISSUED= take a date of the form dd-mmm-yyyy with an English month. The line is not used.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 START=tomorrow SIGN=...\n")],
    "Restore the line as the publisher issued it.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 START=1-jan-2026 SIGN=...\n")];

    "L0608",
    "sort= takes a number from 0 to 255, smaller ones first; 100 is what lines without it have. Another value has no effect.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 sort=first SIGN=...\n")],
    "Write a number, or remove it. Attributes in lower case are not signed.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0609",
    "An attribute of your own stands twice on a line. The first one counts.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 asset_info=a asset_info=b SIGN=...\n")],
    "Remove one. Attributes in lower case are not signed.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 asset_info=a SIGN=...\n")];

    "L0610",
    "An attribute is known by name, but no public document says what it does. It is kept without effect.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 CAPACITY SIGN=...\n")],
    "Ask the publisher whether its software depends on it.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0611",
    "A blank ends a value without quotes. The word behind it is taken for an attribute of your own in lower case, which has no effect, and the value lacks it.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 NOTICE=two seats SIGN=...\n")],
    "Restore the line as the publisher issued it: quote the value, or remove the blank behind the equals sign.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 NOTICE=\"two seats\" SIGN=...\n")];

    "L0612",
    "SIGN= has no value. It may have been lost, or the line was never signed. It is not served.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=\n")],
    "Restore the line as the publisher issued it. Who is the publisher signs it with lmcrypt sign.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0613",
    "Blanks separate attributes. A comma at the end of a value without quotes is a part of the value, which usually nobody meant.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 ISSUER=acme, SN=7 SIGN=...\n")],
    "Compare the line with the one that the publisher issued: the value is signed.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 ISSUER=acme SN=7 SIGN=...\n")];

    "L0614",
    "Attributes in small letters are an administrator's remarks: they are not signed and have no effect. This one has the name of a publisher's attribute, so somebody may believe that it restricts the line.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 platforms=i86_l SIGN=...\n")],
    "If you wrote it, give the remark another name. If the publisher did, ask it for a line with the attribute in capitals.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 user_info=i86_l SIGN=...\n")];

    "L0615",
    "Blanks separate the names in the list of SUPERSEDE. A comma belongs to the name, which no line has, so the older lines go on being served.",
    [served!("INCREMENT fx acmed 1.0 permanent 5 ISSUED=1-jan-2025 SIGN=...\nINCREMENT fy acmed 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE=\"fx,fy\" SIGN=...\n")],
    "Compare the line with the one that the publisher issued: the list is signed. Until it is mended remove the older lines by hand.",
    [served!("INCREMENT fx acmed 1.0 permanent 5 ISSUED=1-jan-2025 SIGN=...\nINCREMENT fy acmed 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE=\"fx fy\" SIGN=...\n")];

    "L0701",
    "A hostid can't be read, such as an address with too few octets. The line is not used.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 HOSTID=INTERNET=10.1.2 SIGN=...\n")],
    "Restore the line as the publisher issued it.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 HOSTID=INTERNET=10.1.2.* SIGN=...\n")];

    "L0702",
    "A hostid is of a kind that only the publisher's own software can check, such as a dongle. It matches nothing here, so a line or server with it alone can't be used.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 HOSTID=FLEXID=7-1a2b3c4d SIGN=...\n")],
    "Ask the publisher for a line with a hostid that lmhostid prints.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 HOSTID=0011aabbccdd SIGN=...\n")];

    "L0703",
    "A hostid is of no known form. It matches nothing. Often a host name stands where HOSTNAME= should stand before it, or a digit is missing.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 HOSTID=workstation SIGN=...\n")],
    "Compare it with what lmhostid prints and ask the publisher for a corrected line.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 HOSTID=HOSTNAME=workstation SIGN=...\n")];
}
