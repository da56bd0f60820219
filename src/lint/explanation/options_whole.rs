//! `O09xx` and above: options files as a whole.

use super::{served, table};

table! {
    "O0901",
    "The group is defined, but no line names it, so it does nothing. Often the line that should name it is spelt otherwise.",
    ["GROUP drawing ann bob\nEXCLUDE fx USER joe\n"],
    "Name the group where it is meant, or remove it.",
    ["GROUP drawing ann bob\nEXCLUDE fx GROUP drawing\n"];

    "O0902",
    "A vendor daemon reads one options file: that which its first VENDOR line names, or VENDOR.opt beside the license file. Lines of a second one have no effect.",
    [
        "EXCLUDE fx USER ann\n",
        "EXCLUDE fx USER bob\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")
    ],
    "Put all lines into one file.",
    [
        "EXCLUDE fx USER ann\nEXCLUDE fx USER bob\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")
    ];

    "O0903",
    "License files and this options file were named together, but no VENDOR line names it, and it is not called like a vendor. So it was judged by itself. (In the example it is called a.opt, and two vendors are served.)",
    [
        "EXCLUDE fx USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")
    ],
    "Name it on the VENDOR line with OPTIONS=, call it like its vendor, or say --vendor.",
    ["EXCLUDE fx USER ann\n"];

    "O0904",
    "GROUPCASEINSENSITIVE holds for the whole file wherever it stands, but other servers take it only at the top, before the groups.",
    ["GROUP drawing Ann\nGROUPCASEINSENSITIVE ON\nEXCLUDE fx GROUP drawing\n"],
    "Put it on the first line.",
    ["GROUPCASEINSENSITIVE ON\nGROUP drawing Ann\nEXCLUDE fx GROUP drawing\n"];

    "O0905",
    "A setting of the whole daemon is made twice. The last line counts, whatever stands between them.",
    ["FQDN_MATCHING EXACT\nEXCLUDE fx HOST h1\nFQDN_MATCHING LENIENT\n"],
    "Keep one of them.",
    ["FQDN_MATCHING LENIENT\nEXCLUDE fx HOST h1\n"];

    "O0906",
    "A log whose path has no + before it is emptied at each start of the daemon. What was in it is lost.",
    ["REPORTLOG /var/log/acmed.rl\n"],
    "Write + before the path.",
    ["REPORTLOG +/var/log/acmed.rl\n"];

    "O0907",
    "A client is known by the address that it comes from, of one kind. A line with the other kind of address never matches it, and other servers do not take both kinds in one file.",
    ["EXCLUDE fx INTERNET 10.1.2.*\nEXCLUDE fx INTERNET 2001:db8::1\n"],
    "Use host names, or write both addresses of each client.",
    ["EXCLUDE fx INTERNET 10.1.2.*\nEXCLUDE fx INTERNET 10.1.3.7\n"];

    "O0908",
    "A VENDOR line names an options file that is not there or can't be read. The server says so in its log and goes on without options: nothing is reserved and nobody is kept out.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed OPTIONS=/no/such.opt\nINCREMENT fx acmed 1.0 permanent 10 SIGN=...\n"],
    "Correct the path on the VENDOR line, which may be edited.",
    [served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")];

    "O1001",
    "The first INCLUDE line of a feature closes it: whoever is on none of its INCLUDE lines is refused with -39. The message says who is left.",
    ["INCLUDE fx USER ann\n"],
    "Nothing, if that is meant. To prefer somebody use RESERVE.",
    ["RESERVE 1 fx USER ann\n"];

    "O1002",
    "INCLUDEALL closes every feature of the daemon: whoever is on no INCLUDEALL line may use only features whose own INCLUDE lines name him.",
    ["INCLUDEALL USER ann\n"],
    "Nothing, if that is meant.",
    ["EXCLUDEALL USER bob\n"];

    "O1003",
    "The feature is closed by INCLUDE lines, and all whom they name are excluded, unknown, or in no group that is defined. Nobody may use it.",
    ["GROUP drawing CORP\\ann\nINCLUDE fx GROUP drawing\n"],
    "Let somebody in, or remove the INCLUDE lines.",
    ["GROUP drawing ann\nINCLUDE fx GROUP drawing\n"];

    "O1004",
    "The line stands twice. It counts once; the copy is often meant for another feature or another name.",
    ["EXCLUDE fx USER ann\nEXCLUDE fx USER ann\n"],
    "Remove one of them.",
    ["EXCLUDE fx USER ann\n"];

    "O1005",
    "A wider line, such as EXCLUDEALL or one for a group, excludes the same person. This line changes nothing, and removing it lets nobody in.",
    ["EXCLUDEALL USER ann\nEXCLUDE fx USER ann\n"],
    "Keep the line that is meant.",
    ["EXCLUDEALL USER ann\n"];

    "O1006",
    "EXCLUDE counts before INCLUDE, wherever the lines stand: there are no exceptions from an EXCLUDE line.",
    ["GROUP drawing ann bob\nEXCLUDE fx GROUP drawing\nINCLUDE fx USER joe\nINCLUDE fx USER ann\n"],
    "Take the name out of the group, or remove its INCLUDE line.",
    ["GROUP drawing bob\nEXCLUDE fx GROUP drawing\nINCLUDE fx USER joe\nINCLUDE fx USER ann\n"];

    "O1007",
    "A wider line includes the same person. This line changes nothing.",
    ["GROUP drawing ann bob\nINCLUDE fx GROUP drawing\nINCLUDE fx USER ann\n"],
    "Nothing. The line may be removed.",
    ["GROUP drawing ann bob\nINCLUDE fx GROUP drawing\n"];

    "O1008",
    "Licenses are set aside for somebody whom EXCLUDE or INCLUDE lines refuse. He does not get them, and nobody else does.",
    ["RESERVE 1 fx USER mel\nEXCLUDE fx USER mel\n"],
    "Remove the reservation, or let the person in.",
    ["RESERVE 1 fx USER mel\n"];

    "O1009",
    "MAX limits somebody who is refused anyway.",
    ["MAX 1 fx USER mel\nEXCLUDE fx USER mel\n"],
    "Remove the MAX line.",
    ["EXCLUDE fx USER mel\n"];

    "O1101",
    "Behind the type HOST stands a name that a GROUP has as a user. Hosts and users are compared with different things.",
    ["GROUP drawing ann bob\nINCLUDE fx GROUP drawing\nEXCLUDE fx HOST ann\n"],
    "Write USER, if the user is meant.",
    ["GROUP drawing ann bob\nINCLUDE fx GROUP drawing\nEXCLUDE fx HOST bigbox\n"];

    "O1102",
    "Behind the type USER, or in a GROUP, stands an address or a name that a HOST_GROUP has as a host. It is compared with login names.",
    ["GROUP drawing ann 10.1.2.3\nEXCLUDE fx GROUP drawing\n"],
    "Write HOST, INTERNET or a HOST_GROUP, if the machine is meant.",
    ["GROUP drawing ann\nEXCLUDE fx GROUP drawing\nEXCLUDE fx HOST 10.1.2.3\n"];

    "O1103",
    "The name of a group stands where one user or host belongs, or inside another group. It is taken for a login name or a host name there.",
    ["GROUP drawing ann bob\nEXCLUDE fx GROUP drawing\nEXCLUDE fy USER drawing\n"],
    "Write GROUP or HOST_GROUP before it; in a group name the members.",
    ["GROUP drawing ann bob\nEXCLUDE fx GROUP drawing\nEXCLUDE fy GROUP drawing\n"];

    "O1104",
    "A name is written in two ways. Case matters: at most one of them is what clients send. GROUPCASEINSENSITIVE ON changes that for members of groups alone.",
    ["EXCLUDE fx USER ann\nRESERVE 1 fx USER Ann\n"],
    "Write the name as clients send it; lmstat shows it.",
    ["EXCLUDE fx USER ann\nRESERVE 1 fx USER joe\n"];

    "O1201",
    "There are no more licenses than the MAX line allows, or another line allows fewer to the same person. It never decides anything.",
    [
        "MAX 10 fx USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")
    ],
    "Take a lower number, or remove the line.",
    [
        "MAX 9 fx USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")
    ];

    "O1202",
    "At most none: every request is refused with -87.",
    ["MAX 0 fx USER ann\n"],
    "Write EXCLUDE if that is meant.",
    ["EXCLUDE fx USER ann\n"];

    "O1203",
    "Publishers set a minimum for timeouts, here 900 seconds. Smaller numbers are raised to it.",
    ["TIMEOUT fx 60\n"],
    "Write the minimum or more.",
    ["TIMEOUT fx 900\n"];

    "O1204",
    "Reservations take all licenses of a pool. Everybody else is refused with -101, even while the licenses lie idle.",
    [
        "RESERVE 10 fx USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")
    ],
    "Nothing, if that is meant; INCLUDE says it more plainly.",
    [
        "RESERVE 9 fx USER ann\n",
        served!("INCREMENT fx acmed 1.0 permanent 10 SIGN=...\n")
    ];

    "O1207",
    "A suite with SUITE_RESERVED reserves all of its components for whoever takes the first. A RESERVE line for the suite works against that.",
    [
        "RESERVE 1 pk USER ann\n",
        served!("INCREMENT pk acmed 1.0 permanent 3 SIGN=...\nPACKAGE pk acmed 1.0 COMPONENTS=\"ca cb\" OPTIONS=SUITE_RESERVED SIGN=...\n")
    ],
    "Reserve nothing of the suite.",
    [];

    "O1208",
    "A RESERVE line for a package reserves of each of its components. Another one for a component and the same somebody is added to that.",
    [
        "RESERVE 1 pk USER ann\nRESERVE 1 ca USER ann\n",
        served!("INCREMENT pk acmed 1.0 permanent 3 SIGN=...\nPACKAGE pk acmed 1.0 COMPONENTS=\"ca cb\" SIGN=...\n")
    ],
    "Keep one of the lines, if the sum is not meant.",
    [
        "RESERVE 1 pk USER ann\n",
        served!("INCREMENT pk acmed 1.0 permanent 3 SIGN=...\nPACKAGE pk acmed 1.0 COMPONENTS=\"ca cb\" SIGN=...\n")
    ];

    "O1209",
    "The keyword is one of Seatkeeper's own. Its daemon does what the line says; a FlexNet daemon does not know the word and passes the line over.",
    ["PRIORITY 5 fx USER ann\n"],
    "Leave the line out of files that FlexNet daemons read too.",
    ["RESERVE 1 fx USER ann\n"];
}
