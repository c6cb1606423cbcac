# Bash completion for meshctl(1).
_meshctl() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' at=0 i
  local commands='create join match list block report status members watch invite send kick lock unlock ready handover leave end'
  local common='--json -q --quiet -v --verbose --color --config --version -h --help'
  local member='--server --name --password-file --identity --timeout --relay-for-others --local-port --map --export-cmd --export-every --import-cmd
    --on-host-cmd --admit-cmd --policy-cmd --chat --detach --log-file --game'
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ -z $command && " $commands " == *" ${COMP_WORDS[i]} "* ]] && command=${COMP_WORDS[i]} && at=$i
  done
  case $before in
    --host-policy) mapfile -t COMPREPLY < <(compgen -W 'oldest reach rtt score manual' -- "$word"); return ;;
    --reason) mapfile -t COMPREPLY < <(compgen -W 'aborted cheating abuse other' -- "$word"); return ;;
    --partition) mapfile -t COMPREPLY < <(compgen -W 'pause fork leave' -- "$word"); return ;;
    --map) mapfile -t COMPREPLY < <(compgen -W 'auto never' -- "$word"); return ;;
    --mesh) mapfile -t COMPREPLY < <(compgen -W 'routed full star partial:' -- "$word"); return ;;
    --timeout | --export-every) mapfile -t COMPREPLY < <(compgen -W '5s 10s 1m' -- "$word"); return ;;
    --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$word"); return ;;
    --server) mapfile -t COMPREPLY < <(compgen -A hostname -- "$word"); return ;;
    --config | --password-file | --identity | --log-file | --svg) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    --export-cmd | --import-cmd | --on-host-cmd | --admit-cmd | --policy-cmd) mapfile -t COMPREPLY < <(compgen -c -f -- "$word"); return ;;
    --name | --relay-for-others | --local-port | --game | --tag | --max | --players | --max-rtt | --max-strain | --to | --session | --text) return ;;
  esac
  local options
  case $command in
    '') options="$commands $common" ;;
    create) options="--tag --max --mesh --host-policy --partition --unlisted --as-rendezvous $member $common" ;;
    join) options="$member $common" ;;
    match) options="--players --max-rtt --max-strain --tag $member $common" ;;
    block) options="--session --remove $common" ;;
    report) options="--reason --text --server --identity --timeout $common" ;;
    list) options="--server --game --tag --timeout $common" ;;
    status) options="--svg $common" ;;
    send) options="--to $common" ;;
    kick) options="--ban $common" ;;
    *) options=$common ;;
  esac
  # The sessions that have a process here are known by their sockets.
  if [[ $word != -* && $command && $COMP_CWORD -eq $((at + 1)) && " create join match list block " != *" $command "* ]]; then
    local folder=${XDG_RUNTIME_DIR:-} socket
    [[ -n $folder ]] && folder+=/natkit || folder=/tmp/natkit-$EUID
    for socket in "$folder"/*.mesh; do
      [[ -S $socket ]] && socket=${socket##*/} && options+=" ${socket%.mesh}"
    done
  fi
  mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}
complete -F _meshctl meshctl
