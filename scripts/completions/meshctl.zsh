#compdef meshctl
# Made from --help by scripts/completions/generate.py.
_meshctl() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C -s -S '--json[answer in JSON]' \
    '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
    '*'{-v,--verbose}'[explain each step on standard error]' \
    '--color[colour the answer]:auto|always|never:(auto always never)' \
    '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
    '--version[print the version and exit]' \
    '(-h --help)'{-h,--help}'[print this help and exit]' \
    '1:command:->command' \
    '*::argument:->argument'
  case $state in
    command)
      local -a commands=(
        'create:begin a session and lead it'
        'join:become a member of a session'
        'match:wait for others who want to play, and begin a session with them'
        'list:show the sessions that are listed'
        'block:never be matched with somebody, nor shown what it hosts'
        'report:tell the server what a member did'
        'status:members, host, paths and round trips of a session on this host'
        'members:members of a session on this host, one a line'
        'watch:the status, again each second, until Ctrl-C'
        'invite:print an invite'
        'send:a line of text to all, or to one'
        'kick:throw a member out'
        'lock:let nobody in any more, and leave the list'
        'unlock:let others in again'
        'ready:say that this member is ready'
        'handover:let another member lead'
        'leave:leave the session'
        'end:end the session for all'
      )
      _describe command commands ;;
    argument)
      case $words[1] in
        create)
          _arguments -s -S '*--server[the rendezvousd where members meet]:SERVER:_hosts' \
            '--name[what the others call this member]:NAME: ' \
            '--password-file[the session'\''s password, in a file]:FILE:_files' \
            '--identity[this member'\''s key, in a file]:FILE:_files' \
            '--timeout[longest time for a newcomer to get in]:DURATION: ' \
            '--relay-for-others[carry packets for so many pairs that cannot connect directly]:N: ' \
            '--local-port[UDP port to send from and to be reached at]:PORT: ' \
            '--map[ask the router for a port, so that others reach this member]:auto|never:(auto never)' \
            '--export-cmd[run while this member leads, and before it hands over]:CMD: ' \
            '--export-every[how often --export-cmd is run while this member leads, so that a crash loses no more]:DURATION: ' \
            '--import-cmd[run before this member takes over, or once it leads after the host has died]:CMD: ' \
            '--on-host-cmd[run when this member begins to lead, as the founder too]:CMD: ' \
            '--admit-cmd[run for each joiner while this member leads, with NATKIT_MEMBER and NATKIT_NAME]:CMD: ' \
            '--policy-cmd[run while this member leads, with what `status --json` tells as its input]:CMD: ' \
            '--chat[send each line of standard input to all]' \
            '--detach[go to the background once the session stands]' \
            '--log-file[where --detach writes what it would have printed]:FILE:_files' \
            '--game[the game that the session is for]:ID: ' \
            '*--tag[said in the list, and searched for by others]:KEY=VALUE: ' \
            '--max[most members]:N: ' \
            '--mesh[which pairs must be linked]:SHAPE: ' \
            '--host-policy[who is next in line to lead]:oldest|reach|rtt|score|manual:(oldest reach rtt score manual)' \
            '--partition[what members do that are cut off from most others]:pause|fork|leave:(pause fork leave)' \
            '--unlisted[keep it out of the list]' \
            '--as-rendezvous[need no server]' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:SESSION: '
          ;;
        join)
          _arguments -s -S '*--server[the rendezvousd where members meet]:SERVER:_hosts' \
            '--name[what the others call this member]:NAME: ' \
            '--password-file[the session'\''s password, in a file]:FILE:_files' \
            '--identity[this member'\''s key, in a file]:FILE:_files' \
            '--timeout[longest time for a newcomer to get in]:DURATION: ' \
            '--relay-for-others[carry packets for so many pairs that cannot connect directly]:N: ' \
            '--local-port[UDP port to send from and to be reached at]:PORT: ' \
            '--map[ask the router for a port, so that others reach this member]:auto|never:(auto never)' \
            '--export-cmd[run while this member leads, and before it hands over]:CMD: ' \
            '--export-every[how often --export-cmd is run while this member leads, so that a crash loses no more]:DURATION: ' \
            '--import-cmd[run before this member takes over, or once it leads after the host has died]:CMD: ' \
            '--on-host-cmd[run when this member begins to lead, as the founder too]:CMD: ' \
            '--admit-cmd[run for each joiner while this member leads, with NATKIT_MEMBER and NATKIT_NAME]:CMD: ' \
            '--policy-cmd[run while this member leads, with what `status --json` tells as its input]:CMD: ' \
            '--chat[send each line of standard input to all]' \
            '--detach[go to the background once the session stands]' \
            '--log-file[where --detach writes what it would have printed]:FILE:_files' \
            '--game[the game that the session is for]:ID: ' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:SESSION: '
          ;;
        match)
          _arguments -s -S '--players[how many in all, this one included]:N: ' \
            '*--server[the rendezvousd where members meet]:SERVER:_hosts' \
            '--name[what the others call this member]:NAME: ' \
            '--password-file[the session'\''s password, in a file]:FILE:_files' \
            '--identity[this member'\''s key, in a file]:FILE:_files' \
            '--relay-for-others[carry packets for so many pairs that cannot connect directly]:N: ' \
            '--local-port[UDP port to send from and to be reached at]:PORT: ' \
            '--map[ask the router for a port, so that others reach this member]:auto|never:(auto never)' \
            '--export-cmd[run while this member leads, and before it hands over]:CMD: ' \
            '--export-every[how often --export-cmd is run while this member leads, so that a crash loses no more]:DURATION: ' \
            '--import-cmd[run before this member takes over, or once it leads after the host has died]:CMD: ' \
            '--on-host-cmd[run when this member begins to lead, as the founder too]:CMD: ' \
            '--admit-cmd[run for each joiner while this member leads, with NATKIT_MEMBER and NATKIT_NAME]:CMD: ' \
            '--policy-cmd[run while this member leads, with what `status --json` tells as its input]:CMD: ' \
            '--chat[send each line of standard input to all]' \
            '--detach[go to the background once the session stands]' \
            '--log-file[where --detach writes what it would have printed]:FILE:_files' \
            '--game[the game that the session is for]:ID: ' \
            '*--tag[only with others who say the same]:KEY=VALUE: ' \
            '--timeout[longest time to wait for enough others]:DURATION: ' \
            '--max-rtt[only with others to whom the round trip is expected to be no longer]:DURATION: ' \
            '--max-strain[only with others whose machine is not known to be busier, in percent]:N: ' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]'
          ;;
        list)
          _arguments -s -S '*--server[the rendezvousd where members meet]:SERVER:_hosts' \
            '--game[the game that the session is for]:ID: ' \
            '*--tag[only sessions with this tag]:KEY=VALUE: ' \
            '--timeout[longest time to wait for the answer]:DURATION: ' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]'
          ;;
        block)
          _arguments -s -S '--session[the session that knows it]:SESSION: ' \
            '--remove[block it no more]' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:MEMBER: '
          ;;
        report)
          _arguments -s -S '--reason[what it did]:aborted|cheating|abuse|other:(aborted cheating abuse other)' \
            '--text[in other words, at most 256 bytes]:TEXT: ' \
            '*--server[the rendezvousd where members meet]:SERVER:_hosts' \
            '--identity[the key to sign with, in a file]:FILE:_files' \
            '--timeout[longest time to wait for the answer]:DURATION: ' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:SESSION: '
          ;;
        status)
          _arguments -s -S '--svg[draw it into this file as well]:FILE:_files' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:SESSION: '
          ;;
        members)
          _arguments -s -S '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:SESSION: '
          ;;
        watch)
          _arguments -s -S '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:SESSION: '
          ;;
        invite)
          _arguments -s -S '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:SESSION: '
          ;;
        send)
          _arguments -s -S '--to[one member]:MEMBER: ' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:SESSION: '
          ;;
        kick)
          _arguments -s -S '--ban[do not admit it again]' \
            '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:SESSION: '
          ;;
        lock)
          _arguments -s -S '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:SESSION: '
          ;;
        unlock)
          _arguments -s -S '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:SESSION: '
          ;;
        ready)
          _arguments -s -S '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:SESSION: '
          ;;
        handover)
          _arguments -s -S '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:SESSION: '
          ;;
        leave)
          _arguments -s -S '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:SESSION: '
          ;;
        end)
          _arguments -s -S '--json[answer in JSON]' \
            '(-q --quiet)'{-q,--quiet}'[nothing but the answer]' \
            '*'{-v,--verbose}'[explain each step on standard error]' \
            '--color[colour the answer]:auto|always|never:(auto always never)' \
            '--config[read options from this TOML file, section \[meshctl\]]:FILE:_files' \
            '--version[print the version and exit]' \
            '(-h --help)'{-h,--help}'[print this help and exit]' \
            '*:SESSION: '
          ;;
      esac ;;
  esac
}
_meshctl "$@"
