//! `O07xx` and `O08xx`: options files with their licenses.

use super::{served, table};

table! {
    "O0701",
    "No license line has this name. The line has no effect, and what it was to govern goes on without it. Names are case-sensitive.",
    [
        "EXCLUDE FX USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")
    ],
    "Write the name as the license line does; lmcatalog lists them.",
    [
        "EXCLUDE fx USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")
    ];

    "O0702",
    "The name stands in the license files, but nothing is served under it: the line is for something that this version does not enforce, or is no longer in effect.",
    [
        "EXCLUDE fx USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 FLOAT_OK SIGN=...\n")
    ],
    "See what lmcatalog says of the feature.",
    [
        "EXCLUDE fx USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")
    ];

    "O0703",
    "The feature exists, but none of its license lines has what the modifiers ask for. The line has no effect.",
    [
        "EXCLUDE fx:VERSION=2.0 USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")
    ],
    "Compare the modifier with the license line: versions are compared as numbers, texts exactly.",
    [
        "EXCLUDE fx:VERSION=1.0 USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")
    ];

    "O0704",
    "The group is not defined anywhere in the file, so nobody is in it. An INCLUDE line with it lets nobody in, an EXCLUDE line keeps nobody out. Names of groups are case-sensitive, and a GROUP is no HOST_GROUP.",
    ["GROUP drawing ann bob\nEXCLUDE fx GROUP drawing\nEXCLUDE fx GROUP drafting\n"],
    "Define the group, or write the name of the one that is meant.",
    ["GROUP drawing ann bob\nEXCLUDE fx GROUP drawing\n"];

    "O0705",
    "A modifier VENDOR_STRING selects pools only if the publisher's manifest says that lines with different VENDOR_STRING are different pools. Here it does not.",
    [
        "EXCLUDE fx:VENDOR_STRING=A USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 VENDOR_STRING=A SIGN=...\n")
    ],
    "Select by VERSION or HOSTID, or leave the modifier out.",
    [
        "EXCLUDE fx USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 VENDOR_STRING=A SIGN=...\n")
    ];

    "O0801",
    "Lines that agree in version and a few other keys are one pool. An option holds for whole pools: a date or a serial number that only one of the lines has still selects all of the pool.",
    [
        "EXCLUDE fx:EXPDATE=31-dec-2036 USER ann\n",
        served!("INCREMENT fx acmed 1.0 31-dec-2036 5 SIGN=...\nINCREMENT fx acmed 1.0 30-nov-2036 5 SIGN=...\n")
    ],
    "Leave the modifier out if the whole pool is meant; else there is no way, as the licenses can't be told apart.",
    [
        "EXCLUDE fx USER ann\n",
        served!("INCREMENT fx acmed 1.0 31-dec-2036 5 SIGN=...\nINCREMENT fx acmed 1.0 30-nov-2036 5 SIGN=...\n")
    ];

    "O0802",
    "The feature has several pools, and the reservation is made in each of them.",
    [
        "RESERVE 2 fx USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent 12 SIGN=...\nINCREMENT fx acmed 2.9 permanent 5 SIGN=...\n")
    ],
    "Name one pool: fx:VERSION=2.9.",
    [
        "RESERVE 2 fx:VERSION=2.9 USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent 12 SIGN=...\nINCREMENT fx acmed 2.9 permanent 5 SIGN=...\n")
    ];

    "O0803",
    "Reservations are made in the order of the file until a pool is full. What does not fit is left off.",
    [
        "RESERVE 6 fx USER ann\nRESERVE 5 fx USER bob\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")
    ],
    "Lower the numbers so that their sum fits.",
    [
        "RESERVE 6 fx USER ann\nRESERVE 3 fx USER bob\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")
    ];

    "O0804",
    "Uncounted licenses never run out, so there is nothing to set aside.",
    [
        "RESERVE 2 fx USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent uncounted HOSTID=0011aabbccdd SIGN=...\n")
    ],
    "Remove the line.",
    [
        "EXCLUDE fx USER bob\n",
        served!("INCREMENT fx acmed 1.0 permanent uncounted HOSTID=0011aabbccdd SIGN=...\n")
    ];

    "O0805",
    "A line for ALL_USERS or ALL_GROUPS holds for everybody who has no line of his own before it. One behind it comes too late.",
    ["MAX 2 fx USER ALL_USERS\nMAX 5 fx USER ann\n"],
    "Put the line for the one name first.",
    ["MAX 5 fx USER ann\nMAX 2 fx USER ALL_USERS\n"];

    "O0806",
    "MAX limits uncounted licenses as well. That is possible, but seldom meant.",
    [
        "MAX 2 fx USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent uncounted HOSTID=0011aabbccdd SIGN=...\n")
    ],
    "Nothing, if it is meant.",
    [
        "EXCLUDE fx USER bob\n",
        served!("INCREMENT fx acmed 1.0 permanent uncounted HOSTID=0011aabbccdd SIGN=...\n")
    ];

    "O0807",
    "Of several lines of this keyword for one feature the last counts.",
    [
        "TIMEOUT fx 3600\nTIMEOUT fx 7200\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")
    ],
    "Keep the one that is meant.",
    [
        "TIMEOUT fx 7200\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")
    ];

    "O0808",
    "The line is understood and checked, but this version does not do yet what it says.",
    ["NOLOG OUT\n"],
    "Nothing. It takes effect with a version that can.",
    [];

    "O0809",
    "A USER_BASED or HOST_BASED license is for as many users or hosts as it has licenses, or as its number says. Names count in the order of the file, a group by its members. Those that come last are refused with -39.",
    [
        "GROUP drawing ann bob joe\nINCLUDE fx GROUP drawing\n",
        served!("INCREMENT fx acmed 1.0 permanent 2 USER_BASED SIGN=...\n")
    ],
    "Include as many as are licensed.",
    [
        "GROUP drawing ann bob\nINCLUDE fx GROUP drawing\n",
        served!("INCREMENT fx acmed 1.0 permanent 2 USER_BASED SIGN=...\n")
    ];

    "O0810",
    "A USER_BASED license is for users whom USER or GROUP names, a HOST_BASED one for hosts. A line of another type would let in any number of them, so it lets in nobody.",
    [
        "INCLUDE fx USER ann\nINCLUDE fx HOST h1\n",
        served!("INCREMENT fx acmed 1.0 permanent 2 USER_BASED SIGN=...\n")
    ],
    "Name the users, or the hosts, that the license is for.",
    [
        "INCLUDE fx USER ann\nINCLUDE fx USER bob\n",
        served!("INCREMENT fx acmed 1.0 permanent 2 USER_BASED SIGN=...\n")
    ];

    "O0811",
    "A USER_BASED or HOST_BASED license is for those whom INCLUDE lines name. Without any nobody may use it: requests are refused with -84.",
    [
        "GROUPCASEINSENSITIVE OFF\n",
        served!("INCREMENT fx acmed 1.0 permanent 2 USER_BASED SIGN=...\n")
    ],
    "Write INCLUDE lines for as many names as are licensed.",
    [
        "INCLUDE fx USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent 2 USER_BASED SIGN=...\n")
    ];
}
