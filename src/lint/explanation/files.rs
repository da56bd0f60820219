//! `L11xx`: the machine, SERVER and VENDOR lines, and files. In the examples the machine's hostid is 0011aabbccdd.

use super::{served, table};

table! {
    "L1101",
    "The hostid on the SERVER line is not among those of this machine. Nothing of the file is served here; requests are denied with -92.",
    ["SERVER srv 00aabbccddee 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Serve the file on the machine that it is for; lmhostid shows what this one has. If the machine was replaced, ask the publisher: the hostid is signed with every line.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L1102",
    "The hostid on the SERVER line is ANY, or an ID, which names the customer and no machine. The file can be served everywhere, by whoever has a copy.",
    ["SERVER srv ANY 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Nothing, if the publisher means it so. Keep the file where only the server can read it.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L1103",
    "this_host stands for the machine that reads the file. USE_SERVER shows that clients read it: on other machines they ask themselves and fail with -95.",
    ["SERVER this_host 0011aabbccdd 27000\nVENDOR acmed\nUSE_SERVER\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Write the server's host name. It is not signed.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nUSE_SERVER\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"];

    "L1104",
    "One license server listens on one port. SERVER lines of files that are served together name different ones, or one names none, and lmgrd refuses to start.",
    [
        served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"),
        "SERVER srv 0011aabbccdd 27001\nVENDOR acmed\nINCREMENT fy acmed 1.0 permanent 2 SIGN=...\n"
    ],
    "Files that are named together, or in one directory, count as those of one server. If they are of different servers, check them one by one. If not, write the same port on all SERVER lines. Ports are not signed.",
    [
        served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"),
        served!("INCREMENT fy acmed 1.0 permanent 2 SIGN=...\n")
    ];

    "L1105",
    "Files that are served together are for one machine. The host names of their SERVER lines differ, so one of them may have come here by mistake.",
    [
        served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"),
        "SERVER other 0011aabbccdd 27000\nVENDOR acmed\nINCREMENT fy acmed 1.0 permanent 2 SIGN=...\n"
    ],
    "Files that are named together, or in one directory, count as those of one server. If they are of different servers, check them one by one. If both are names of this machine, write the same one. Host names are not signed.",
    [
        served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"),
        served!("INCREMENT fy acmed 1.0 permanent 2 SIGN=...\n")
    ];

    "L1106",
    "Clients that know a host without a port try 27000 to 27009, and take what answers there for a single server. Three servers that act as one should listen elsewhere.",
    ["SERVER one 0011aabbccdd 27000\nSERVER two 0011aabbccde 27000\nSERVER three 0011aabbccdf 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Take another port, the same on all three lines. Ports are not signed.",
    [];

    "L1107",
    "Unix systems let only privileged programs listen on ports up to 1024, and a license server should not be one.",
    ["SERVER srv 0011aabbccdd 744\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Take a port above 1024, such as 27000. Ports are not signed.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L1108",
    "The VENDOR line gives its daemon the port of the SERVER line. Two programs can't listen on one port, so the daemon does not start.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed port=27000\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Take another port, or leave it out for one that the system chooses.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed port=27010\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"];

    "L1109",
    "Two vendor daemons are given the same port. Only the one that starts first gets it.",
    [
        "SERVER srv 0011aabbccdd 27000\nVENDOR acmed port=27010\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n",
        "SERVER srv 0011aabbccdd 27000\nVENDOR beta port=27010\nINCREMENT fy beta 1.0 permanent 2 SIGN=...\n"
    ],
    "Give each daemon a port of its own, or leave it out for one that the system chooses.",
    [
        "SERVER srv 0011aabbccdd 27000\nVENDOR acmed port=27010\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n",
        "SERVER srv 0011aabbccdd 27000\nVENDOR beta port=27011\nINCREMENT fy beta 1.0 permanent 2 SIGN=...\n"
    ];

    "L1110",
    "A VENDOR line starts a daemon, but no line of the files is for it. The daemon says that it has no features to serve and ends.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nVENDOR gamma\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Remove the VENDOR line, or add the license that it is for.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L1111",
    "Several VENDOR lines of one vendor name different programs, options files or ports. Each comes from the first line that names one, in file order.",
    [
        "SERVER srv 0011aabbccdd 27000\nVENDOR acmed port=27010\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n",
        "SERVER srv 0011aabbccdd 27000\nVENDOR acmed port=27011\nINCREMENT fy acmed 1.0 permanent 2 SIGN=...\n"
    ],
    "Say it once, or alike everywhere. VENDOR lines are not signed.",
    [
        "SERVER srv 0011aabbccdd 27000\nVENDOR acmed port=27010\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n",
        served!("INCREMENT fy acmed 1.0 permanent 2 SIGN=...\n")
    ];

    "L1112",
    "The vendor of a line and that of the VENDOR line differ in case. Names of vendors are compared exactly, so the line is not served.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR ACMED\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Write the VENDOR line as the other lines have it: theirs is signed.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L1113",
    "A client that reads the file stops at USE_SERVER: it takes the SERVER lines before it and asks that server. SERVER lines behind it, and uncounted lines that no server serves, are lost to it.",
    ["VENDOR acmed\nUSE_SERVER\nSERVER srv 0011aabbccdd 27000\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Put them before USE_SERVER. The order of lines is not signed.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nUSE_SERVER\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"];

    "L1114",
    "A SERVER line stands behind feature lines. It holds for the whole file all the same, but it looks as if it held for the lines behind it alone, and other readers may take it so.",
    ["VENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\nSERVER srv 0011aabbccdd 27000\n"],
    "Put SERVER first, then VENDOR, then the other lines. lmfmt -w keeps the order, as it is not always without meaning.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L1115",
    "One file has the lines of several vendors. It is served, but who renews one license edits the file of the other.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nVENDOR beta\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\nINCREMENT fy beta 1.0 permanent 2 SIGN=...\n"],
    "Keep each vendor's lines in a file of their own, with a copy of the SERVER line. One server reads all files of a directory.",
    [
        "SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n",
        "SERVER srv 0011aabbccdd 27000\nVENDOR beta\nINCREMENT fy beta 1.0 permanent 2 SIGN=...\n"
    ];

    "L1116",
    "Each vendor's lines are judged against each other. The files have more vendors than a server is known to have, and those of the last ones are judged line by line only.",
    [],
    "Check the files of each server by themselves.",
    [];

    "L1117",
    "The hostid is the 32-bit system id of a machine whose name stands for a loopback address, as in 127.0.1.1 of /etc/hosts. Every machine that is set up like that has the same one, and it changes with that file.",
    ["SERVER srv 007f0101 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Ask the publisher for a file with an Ethernet address of this machine, which lmhostid prints: the hostid is signed.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];
}
