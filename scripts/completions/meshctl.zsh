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
        'list:show the sessions that are listed'
        'status:members, host, paths and round trips of a session on this host'
        'members:members of a session on this host, one a line'
        'watch:the status, again each second, until Ctrl-C'
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
            '--timeout[longest time for a newcomer to get in]:DURATION: ' \
            '--relay-for-others[carry packets for so many pairs that cannot connect directly]:N: ' \
            '--local-port[UDP port to send from and to be reached at]:PORT: ' \
            '--export-cmd[run before this member hands over]:CMD: ' \
            '--import-cmd[run before this member takes over]:CMD: ' \
            '--on-host-cmd[run when this member begins to lead, as the founder too]:CMD: ' \
            '--admit-cmd[run for each joiner while this member leads, with NATKIT_MEMBER and NATKIT_NAME]:CMD: ' \
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
            '--timeout[longest time for a newcomer to get in]:DURATION: ' \
            '--relay-for-others[carry packets for so many pairs that cannot connect directly]:N: ' \
            '--local-port[UDP port to send from and to be reached at]:PORT: ' \
            '--export-cmd[run before this member hands over]:CMD: ' \
            '--import-cmd[run before this member takes over]:CMD: ' \
            '--on-host-cmd[run when this member begins to lead, as the founder too]:CMD: ' \
            '--admit-cmd[run for each joiner while this member leads, with NATKIT_MEMBER and NATKIT_NAME]:CMD: ' \
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
