#compdef nat-probe
# Made from --help by scripts/completions/generate.py.
_nat_probe() {
  _arguments -s -S '*--server[server to ask where no argument names one]:SERVER:_hosts' \
    '(-4 --ipv4)'{-4,--ipv4}'[ask over IPv4 only]' \
    '(-6 --ipv6)'{-6,--ipv6}'[ask over IPv6 only]' \
    '--timeout[longest time to look names up, and again to measure]:DURATION: ' \
    '*--local-address[send from this address of this host, and over its family only]:ADDRESS:{_wanted addresses expl address compadd -- ${(f)"$(ip -o address 2>/dev/null | awk '\''{ sub("/.*", "", $4); print $4 }'\'')"}}' \
    '--hairpin[also find out whether two hosts behind the NAT reach each other by their public addresses]' \
    '--lifetime[also find out how long a mapping lives that is not used, up to so long]' \
    '--fresh[say only what this run measures, and not what --hairpin and --lifetime have found out here before]' \
    '*--expect[exit 1 unless the value at this dotted path of the JSON answer is this one, e.g. ipv4.filtering=address-dependent]:KEY=VALUE: ' \
    '--replay[judge a recorded trace, asking nobody]:FILE:_files' \
    '--record[write all that was sent and seen to this file, for --replay]:FILE:_files' \
    '--against[say what a connection with a peer will take]:FILE:_files' \
    '--redact[mask addresses and the servers'\'' names in all that is shown or written]' \
    '--watch[measure again and again, and tell what has changed]:DURATION: ' \
    '--count[end --watch after so many runs]:N: ' \
    '--html[also write the answer to this file as a page to look at, to print or to pass on]:FILE:_files' \
    '--compare[also say what stunclient, tailscale netcheck and pystun3 would report here, and why that differs]' \
    '--prometheus[answer with metrics in the text format of Prometheus]' \
    '--json[answer in JSON]' \
    '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
    '*'{-v,--verbose}'[explain each step on standard error]' \
    '--color[colour the answer]:auto|always|never:(auto always never)' \
    '--config[read options from this TOML file, section \[nat-probe\]]:FILE:_files' \
    '--version[print the version and exit]' \
    '(-h --help)'{-h,--help}'[print this help and exit]' \
    '*:SERVER:_hosts'
}
_nat_probe "$@"
