#compdef upnp-map
# Made from --help by scripts/completions/generate.py.
_upnp_map() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C -s -S '--json[answer in JSON]' \
    '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
    '*'{-v,--verbose}'[explain each step on standard error]' \
    '--color[colour the answer]:auto|always|never:(auto always never)' \
    '--config[read options from this TOML file, section \[upnp-map\]]:FILE:_files' \
    '--version[print the version and exit]' \
    '(-h --help)'{-h,--help}'[print this help and exit]' \
    '1:command:->command' \
    '*::argument:->argument'
  case $state in
    command)
      local -a commands=(
        'discover:which routers can map ports, by which methods, and what they call themselves'
        'status:does a mapping of ours stand'
        'list:all mappings'
        'add:map a public port to this host and leave it mapped'
        'remove:take a mapping away again'
        'hold:map a public port as long as this runs, or as long as a program does'
        'check:is a port of this host open from outside?'
        'pinhole:let packets from outside in to an IPv6 address and port'
        'gc:take away what killed runs have left on routers'
      )
      _describe command commands ;;
    argument)
      case $words[1] in
        discover)
          _arguments -s -S '--timeout[longest time to search and to wait for routers]:DURATION: ' \
            '--local-address[ask from this address of this host, so by its network alone]:ADDRESS:{_wanted addresses expl address compadd -- ${(f)"$(ip -o address 2>/dev/null | awk '\''{ sub("/.*", "", $4); print $4 }'\'')"}}' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[upnp-map\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]'
          ;;
        status)
          _arguments -s -S '--timeout[longest time to search and to wait for routers]:DURATION: ' \
            '--local-address[ask from this address of this host, so by its network alone]:ADDRESS:{_wanted addresses expl address compadd -- ${(f)"$(ip -o address 2>/dev/null | awk '\''{ sub("/.*", "", $4); print $4 }'\'')"}}' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[upnp-map\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]'
          ;;
        list)
          _arguments -s -S '--timeout[longest time to search and to wait for routers]:DURATION: ' \
            '--local-address[ask from this address of this host, so by its network alone]:ADDRESS:{_wanted addresses expl address compadd -- ${(f)"$(ip -o address 2>/dev/null | awk '\''{ sub("/.*", "", $4); print $4 }'\'')"}}' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[upnp-map\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]'
          ;;
        add)
          _arguments -s -S '--external[public port to ask for, or '\''any'\'']:PORT|any: ' \
            '--protocol[which to map]:udp|tcp|both:(udp tcp both)' \
            '--lease[how long to ask for]:DURATION: ' \
            '--description[what UPnP routers show in their own list]:TEXT: ' \
            '--via[ask by this method alone]:pcp|nat-pmp|upnp:(pcp nat-pmp upnp)' \
            '--through-all[also map at the router behind the router, where two NATs stand in the way]' \
            '--verify[have this rendezvousd knock from outside, and exit 1 when the port is not open]:SERVER:_hosts' \
            '--timeout[longest time to search and to wait for routers]:DURATION: ' \
            '--local-address[ask from this address of this host, so by its network alone]:ADDRESS:{_wanted addresses expl address compadd -- ${(f)"$(ip -o address 2>/dev/null | awk '\''{ sub("/.*", "", $4); print $4 }'\'')"}}' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[upnp-map\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:INTERNAL: '
          ;;
        remove)
          _arguments -s -S '--protocol[which to remove, where EXTERNAL does not say]:both|udp|tcp:(both udp tcp)' \
            '--all-ours[all that this user'\''s upnp-map has made]' \
            '--force[also what another program of this host has mapped]' \
            '--timeout[longest time to search and to wait for routers]:DURATION: ' \
            '--local-address[ask from this address of this host, so by its network alone]:ADDRESS:{_wanted addresses expl address compadd -- ${(f)"$(ip -o address 2>/dev/null | awk '\''{ sub("/.*", "", $4); print $4 }'\'')"}}' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[upnp-map\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:EXTERNAL: '
          ;;
        hold)
          _arguments -s -S '--external[public port to ask for, or '\''any'\'']:PORT|any: ' \
            '--protocol[which to map]:udp|tcp|both:(udp tcp both)' \
            '--lease[how long to ask for]:DURATION: ' \
            '--description[what UPnP routers show in their own list]:TEXT: ' \
            '--via[ask by this method alone]:pcp|nat-pmp|upnp:(pcp nat-pmp upnp)' \
            '--through-all[also map at the router behind the router, where two NATs stand in the way]' \
            '--verify[have this rendezvousd knock from outside, and exit 1 when the port is not open]:SERVER:_hosts' \
            '--timeout[longest time to search and to wait for routers]:DURATION: ' \
            '--local-address[ask from this address of this host, so by its network alone]:ADDRESS:{_wanted addresses expl address compadd -- ${(f)"$(ip -o address 2>/dev/null | awk '\''{ sub("/.*", "", $4); print $4 }'\'')"}}' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[upnp-map\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:INTERNAL: '
          ;;
        check)
          _arguments -s -S '--server[the rendezvousd outside that knocks]:SERVER:_hosts' \
            '--protocol[which to check]:udp|tcp|both:(udp tcp both)' \
            '--timeout[longest time to look the server up, and again to check]:DURATION: ' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[upnp-map\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:EXTERNAL: '
          ;;
        pinhole)
          _arguments -s -S '--protocol[which to map]:udp|tcp|both:(udp tcp both)' \
            '--lease[how long to ask for]:DURATION: ' \
            '--description[what UPnP routers show in their own list]:TEXT: ' \
            '--via[ask by this method alone]:pcp|nat-pmp|upnp:(pcp nat-pmp upnp)' \
            '--verify[have this rendezvousd knock from outside, and exit 1 when the port is not open]:SERVER:_hosts' \
            '--timeout[longest time to search and to wait for routers]:DURATION: ' \
            '--local-address[ask from this address of this host, so by its network alone]:ADDRESS:{_wanted addresses expl address compadd -- ${(f)"$(ip -o address 2>/dev/null | awk '\''{ sub("/.*", "", $4); print $4 }'\'')"}}' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[upnp-map\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:ADDRESS:{_wanted addresses expl address compadd -- ${(f)"$(ip -o address 2>/dev/null | awk '\''{ sub("/.*", "", $4); print $4 }'\'')"}}'
          ;;
        gc)
          _arguments -s -S '--timeout[longest time to search and to wait for routers]:DURATION: ' \
            '--local-address[ask from this address of this host, so by its network alone]:ADDRESS:{_wanted addresses expl address compadd -- ${(f)"$(ip -o address 2>/dev/null | awk '\''{ sub("/.*", "", $4); print $4 }'\'')"}}' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[upnp-map\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]'
          ;;
      esac ;;
  esac
}
_upnp_map "$@"
