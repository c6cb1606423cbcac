#compdef rendezvousd
# Made from --help by scripts/completions/generate.py.
_rendezvousd() {
  _arguments -s -S '*--listen[serve on this address, UDP and TCP]:ADDR\[\:PORT\]: ' \
    '*--alternate[second address and port of the same family, which the tests of RFC 5780 need]:ADDR\[\:PORT\]: ' \
    '--log[how to write the ready line and the log]:text|json:(text json)' \
    '--reachability[tell hosts that prove their address whether a port of that address is open from outside]:on|off:(on off)' \
    '--signalling[let clients meet under a name, on the TCP ports that are listened on]:on|off:(on off)' \
    '*--http[serve the directory of sessions, metrics and health over HTTP on this address]:ADDR\[\:PORT\]: ' \
    '--identity[the key that decisions about matches are signed with, in a file]:FILE:_files' \
    '--ban-file[members that may not be here]:FILE:_files' \
    '--tls-cert[serve TLS as well, on the same TCP ports, with this certificate and those that lead to its authority]:FILE:_files' \
    '--tls-key[the certificate'\''s key]:FILE:_files' \
    '--relay[carry data for hosts that cannot reach each other]:on|off:(on off)' \
    '--auth-secret-file[the secret shared with whoever gives out names for the relay, as coturn'\''s static-auth-secret]:FILE:_files' \
    '*--turn[a relay that somebody else runs, to be handed out to clients that register]:URL: ' \
    '*--relay-address[relay from this address]:PUBLIC\[/LOCAL\]: ' \
    '--relay-ports[the ports to relay from]:LO-HI: ' \
    '*--allow-peers[relay to addresses of this sort as well]:private|shared|link-local|loopback:(private shared link-local loopback)' \
    '--max-rate[requests a second that one address is answered]:N: ' \
    '--max-excess[bytes a second by which answers to one address that proved nothing may exceed its requests]:N: ' \
    '--max-excess-for-all[the same for all addresses together]:N: ' \
    '--max-addresses[addresses to keep count of]:N: ' \
    '--max-connections[TCP connections, beside those of clients]:N: ' \
    '--max-connections-per-address[TCP connections of one address, beside those of clients]:N: ' \
    '--max-checks[ports tried at a time, for all addresses together]:N: ' \
    '--max-clients[clients that are registered to meet others]:N: ' \
    '--max-clients-per-address[such clients of one address]:N: ' \
    '--max-names-per-client[names under which one client may wait for others at a time]:N: ' \
    '--max-sessions[sessions in the directory]:N: ' \
    '--max-sessions-per-address[sessions that one address has listed]:N: ' \
    '--max-http-rate[HTTP requests a second that one address is answered]:N: ' \
    '--min-row-timeout[a session that nobody refreshes stays listed for at least so long, whatever its host wishes]:DURATION: ' \
    '--max-relays[relayed addresses, for all users together]:N: ' \
    '--max-relays-per-user[relayed addresses of one user]:N: ' \
    '--max-relays-per-address[relayed addresses for one client address]:N: ' \
    '--max-relay-rate[bytes a second that one relayed address carries, both ways together]:N: ' \
    '--json[answer in JSON]' \
    '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
    '*'{-v,--verbose}'[explain each step on standard error]' \
    '--color[colour the answer]:auto|always|never:(auto always never)' \
    '--config[read options from this TOML file, section \[rendezvousd\]]:FILE:_files' \
    '--version[print the version and exit]' \
    '(-h --help)'{-h,--help}'[print this help and exit]'
}
_rendezvousd "$@"
