"""The lab behind scripts/natlab: hosts, NATs and routers as network namespaces of one machine.

Read in this order: catalogue (what kinds of network there are), spec (what the user asked for), plan (which namespaces,
links, addresses and routes that means), rulesets (the kernel's NAT), keeper (builds and holds it), enter (runs commands in it).
"""

__version__ = "0.1.0"   # natkit's, of CMakeLists.txt
