//! `O04xx` to `O06xx`: types, names, numbers and groups of options files.

use super::table;

table! {
    "O0401",
    "Before the name stands its type, which says what it is compared with. This word is none, so the line has no effect (an INCLUDE still closes its feature).",
    ["EXCLUDE fx USERS ann\n"],
    "Write USER, HOST, DISPLAY, INTERNET, PROJECT, GROUP or HOST_GROUP.",
    ["EXCLUDE fx USER ann\n"];

    "O0402",
    "Types are written in capitals. Other servers may not take this one.",
    ["EXCLUDE fx user ann\n"],
    "Write it in capitals; lmfmt does it for you.",
    ["EXCLUDE fx USER ann\n"];

    "O0403",
    "A name is empty, too long, or has characters that no client can send.",
    ["EXCLUDE fx USER \"\"\n"],
    "Write the name as clients send it.",
    ["EXCLUDE fx USER ann\n"];

    "O0404",
    "An address is written in a form that is none. Stars stand for whole parts of an address, never for parts of a host name.",
    ["EXCLUDE fx INTERNET 10.1.2\n"],
    "Write four numbers with points, * for any: 10.1.2.*; or a network such as 10.1.2.0/24.",
    ["EXCLUDE fx INTERNET 10.1.2.*\n"];

    "O0405",
    "Clients send the plain login name, without the domain of Windows. This name therefore never matches anybody.",
    ["EXCLUDE fx USER CORP\\ann\n"],
    "Write the login name alone.",
    ["EXCLUDE fx USER ann\n"];

    "O0406",
    "ALL_USERS and ALL_GROUPS stand for each user and each group on MAX lines, behind their own type. Elsewhere the line has no effect.",
    ["MAX 2 fx HOST ALL_USERS\n"],
    "Write USER ALL_USERS or GROUP ALL_GROUPS.",
    ["MAX 2 fx USER ALL_USERS\n"];

    "O0407",
    "The keywords of activation take USER, HOST, GROUP and HOST_GROUP.",
    ["EXCLUDEALL_ENTITLEMENT PROJECT bridge\n"],
    "Name users, hosts or groups.",
    ["EXCLUDEALL_ENTITLEMENT USER ann\n"];

    "O0408",
    "Names are separated by blanks. A comma is a part of the name that it stands at, so that the line means nobody, or only those whose \
     names have no comma.",
    ["GROUP drawing ann, bob\nEXCLUDE fx GROUP drawing\n"],
    "Write blanks instead; a name that really has a comma stands in quotes.",
    ["GROUP drawing ann bob\nEXCLUDE fx GROUP drawing\n"];

    "O0409",
    "Users are named one by one: only addresses and networks have patterns. A star or a question mark is a part of the name, so that \
     the line means nobody.",
    ["MAX 1 fx USER *\n"],
    "Name the users in a GROUP, or all of them on a MAX line by USER ALL_USERS; a name that really has such a character stands in quotes.",
    ["MAX 1 fx USER ALL_USERS\n"];

    "O0501",
    "Where a number belongs stands something else, or a number that is not possible. The line has no effect. RESERVE and MAX have their number before the feature.",
    ["RESERVE fx 2 USER ann\n"],
    "Write a whole number there; the hint shows what the line looks like.",
    ["RESERVE 2 fx USER ann\n"];

    "O0502",
    "A number is out of the range of its keyword and is moved to the nearest end.",
    ["MAX_CONNECTIONS 5\n"],
    "Write a number within the range.",
    ["MAX_CONNECTIONS 500\n"];

    "O0503",
    "The keyword takes one of two words, and this is neither. The line has no effect.",
    ["GROUPCASEINSENSITIVE YES\n"],
    "Write one of the two words.",
    ["GROUPCASEINSENSITIVE ON\n"];

    "O0504",
    "NOLOG takes one kind of log line, and this is none.",
    ["NOLOG CHECKOUT\n"],
    "Write IN, OUT, DENIED, QUEUED, UNSUPPORTED, UPGRADE or DEQUEUED, each on a line of its own.",
    ["NOLOG OUT\n"];

    "O0505",
    "0 means that there is no timeout at all.",
    ["TIMEOUT fx 0\n"],
    "Remove the line if that is meant, or write the seconds.",
    ["TIMEOUT fx 3600\n"];

    "O0601",
    "A GROUP line without members adds nobody. A line that names the group then matches nobody.",
    ["GROUP drawing\nEXCLUDE fx GROUP drawing\n"],
    "Name the members behind the group.",
    ["GROUP drawing ann bob\nEXCLUDE fx GROUP drawing\n"];

    "O0602",
    "A name stands twice on a line of a group. It counts once.",
    ["GROUP drawing ann bob ann\nEXCLUDE fx GROUP drawing\n"],
    "Remove one of them.",
    ["GROUP drawing ann bob\nEXCLUDE fx GROUP drawing\n"];
}
