#compdef punch
# Made from --help by scripts/completions/generate.py.
_punch() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C -s -S '--json[answer in JSON]' \
    '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
    '*'{-v,--verbose}'[explain each step on standard error]' \
    '--color[colour the answer]:auto|always|never:(auto always never)' \
    '--config[read options from this TOML file, section \[punch\]]:FILE:_files' \
    '--version[print the version and exit]' \
    '(-h --help)'{-h,--help}'[print this help and exit]' \
    '1:command:->command' \
    '*::argument:->argument'
  case $state in
    command)
      local -a commands=(
        'pair:meet whoever names the same room'
        'listen:wait under a name for one who connects'
        'connect:connect to who listens under this name'
        'manual:connect without a server to meet at'
      )
      _describe command commands ;;
    argument)
      case $words[1] in
        pair)
          _arguments -s -S '*--server[the rendezvousd to meet at, the same on both sides]:SERVER:_hosts' \
            '--secret-file[the secret that both sides share, in a file]:FILE:_files' \
            '--wait[longest time for the peer to appear]:DURATION: ' \
            '--fresh[do not use what earlier runs have found out about the way to this peer]' \
            '*--stun[one more STUN server to ask for this host'\''s public address]:SERVER:_hosts' \
            '*--turn[a relay for when there is no direct path]:URL: ' \
            '--turn-user[the name that --turn asks for]:NAME: ' \
            '--turn-password-file[the password that goes with it, in a file]:FILE:_files' \
            '--relay[whether a relay may be used, or must]:auto|never|only:(auto never only)' \
            '--transport[how this host'\''s own packets travel]:any|udp|tcp:(any udp tcp)' \
            '--map[whether the router may be asked for a port, by PCP, NAT-PMP or UPnP]:auto|never:(auto never)' \
            '--local-port[UDP port to send from and to be reached at]:PORT: ' \
            '--timeout[longest time to connect once the peer is there]:DURATION: ' \
            '--expect[exit with 1 unless the path in use at the end is of this kind]:any|direct|relayed:(any direct relayed)' \
            '--then[what to do with the connection, the same on both sides]:report|pipe|forward|exec:(report pipe forward exec)' \
            '*'{-L,--tcp}'[for `--then forward`]:\[BIND\:\]PORT\:HOST\:HOSTPORT: ' \
            '*--udp[the same for UDP]:\[BIND\:\]PORT\:HOST\:HOSTPORT: ' \
            '*--permit[what the peer may reach by this side]:HOST\:PORT: ' \
            '--for[how long `--then report` measures]:DURATION: ' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[punch\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:ROOM: '
          ;;
        listen)
          _arguments -s -S '*--server[the rendezvousd to meet at, the same on both sides]:SERVER:_hosts' \
            '--secret-file[the secret that both sides share, in a file]:FILE:_files' \
            '--wait[longest time for the peer to appear]:DURATION: ' \
            '--fresh[do not use what earlier runs have found out about the way to this peer]' \
            '*--stun[one more STUN server to ask for this host'\''s public address]:SERVER:_hosts' \
            '*--turn[a relay for when there is no direct path]:URL: ' \
            '--turn-user[the name that --turn asks for]:NAME: ' \
            '--turn-password-file[the password that goes with it, in a file]:FILE:_files' \
            '--relay[whether a relay may be used, or must]:auto|never|only:(auto never only)' \
            '--transport[how this host'\''s own packets travel]:any|udp|tcp:(any udp tcp)' \
            '--map[whether the router may be asked for a port, by PCP, NAT-PMP or UPnP]:auto|never:(auto never)' \
            '--local-port[UDP port to send from and to be reached at]:PORT: ' \
            '--timeout[longest time to connect once the peer is there]:DURATION: ' \
            '--expect[exit with 1 unless the path in use at the end is of this kind]:any|direct|relayed:(any direct relayed)' \
            '--then[what to do with the connection, the same on both sides]:report|pipe|forward|exec:(report pipe forward exec)' \
            '*'{-L,--tcp}'[for `--then forward`]:\[BIND\:\]PORT\:HOST\:HOSTPORT: ' \
            '*--udp[the same for UDP]:\[BIND\:\]PORT\:HOST\:HOSTPORT: ' \
            '*--permit[what the peer may reach by this side]:HOST\:PORT: ' \
            '--for[how long `--then report` measures]:DURATION: ' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[punch\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:NAME: '
          ;;
        connect)
          _arguments -s -S '*--server[the rendezvousd to meet at, the same on both sides]:SERVER:_hosts' \
            '--secret-file[the secret that both sides share, in a file]:FILE:_files' \
            '--wait[longest time for the peer to appear]:DURATION: ' \
            '--fresh[do not use what earlier runs have found out about the way to this peer]' \
            '*--stun[one more STUN server to ask for this host'\''s public address]:SERVER:_hosts' \
            '*--turn[a relay for when there is no direct path]:URL: ' \
            '--turn-user[the name that --turn asks for]:NAME: ' \
            '--turn-password-file[the password that goes with it, in a file]:FILE:_files' \
            '--relay[whether a relay may be used, or must]:auto|never|only:(auto never only)' \
            '--transport[how this host'\''s own packets travel]:any|udp|tcp:(any udp tcp)' \
            '--map[whether the router may be asked for a port, by PCP, NAT-PMP or UPnP]:auto|never:(auto never)' \
            '--local-port[UDP port to send from and to be reached at]:PORT: ' \
            '--timeout[longest time to connect once the peer is there]:DURATION: ' \
            '--expect[exit with 1 unless the path in use at the end is of this kind]:any|direct|relayed:(any direct relayed)' \
            '--then[what to do with the connection, the same on both sides]:report|pipe|forward|exec:(report pipe forward exec)' \
            '*'{-L,--tcp}'[for `--then forward`]:\[BIND\:\]PORT\:HOST\:HOSTPORT: ' \
            '*--udp[the same for UDP]:\[BIND\:\]PORT\:HOST\:HOSTPORT: ' \
            '*--permit[what the peer may reach by this side]:HOST\:PORT: ' \
            '--for[how long `--then report` measures]:DURATION: ' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[punch\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:NAME: '
          ;;
        manual)
          _arguments -s -S '--sdp[print and read SDP lines]' \
            '*--server[a rendezvousd to ask for this host'\''s public address, as with --stun]:SERVER:_hosts' \
            '--wait[longest time for what the peer printed to be pasted]:DURATION: ' \
            '*--stun[one more STUN server to ask for this host'\''s public address]:SERVER:_hosts' \
            '*--turn[a relay for when there is no direct path]:URL: ' \
            '--turn-user[the name that --turn asks for]:NAME: ' \
            '--turn-password-file[the password that goes with it, in a file]:FILE:_files' \
            '--relay[whether a relay may be used, or must]:auto|never|only:(auto never only)' \
            '--transport[how this host'\''s own packets travel]:any|udp|tcp:(any udp tcp)' \
            '--map[whether the router may be asked for a port, by PCP, NAT-PMP or UPnP]:auto|never:(auto never)' \
            '--local-port[UDP port to send from and to be reached at]:PORT: ' \
            '--timeout[longest time to connect once the peer is there]:DURATION: ' \
            '--expect[exit with 1 unless the path in use at the end is of this kind]:any|direct|relayed:(any direct relayed)' \
            '--then[what to do with the connection, the same on both sides]:report|pipe|forward|exec:(report pipe forward exec)' \
            '*'{-L,--tcp}'[for `--then forward`]:\[BIND\:\]PORT\:HOST\:HOSTPORT: ' \
            '*--udp[the same for UDP]:\[BIND\:\]PORT\:HOST\:HOSTPORT: ' \
            '*--permit[what the peer may reach by this side]:HOST\:PORT: ' \
            '--for[how long `--then report` measures]:DURATION: ' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[punch\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:CMD: '
          ;;
      esac ;;
  esac
}
_punch "$@"
