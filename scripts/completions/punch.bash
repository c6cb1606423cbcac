# Bash completion for punch(1).
_punch() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' i
  local commands='pair listen connect manual'
  local common='--json -q --quiet -v --verbose --color --config --version -h --help'
  local connection='--server --stun --turn --turn-user --turn-password-file --relay --transport --map --local-port --wait
    --timeout --expect --then -L --tcp --udp --permit --for'
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[i]} == -- ]]; then  # a program's command line from here on
      [[ $before == -- ]] && mapfile -t COMPREPLY < <(compgen -c -f -- "$word")
      return
    fi
    [[ -z $command && " $commands " == *" ${COMP_WORDS[i]} "* ]] && command=${COMP_WORDS[i]}
  done
  case $before in
    --then) mapfile -t COMPREPLY < <(compgen -W 'report pipe forward exec' -- "$word"); return ;;
    --relay) mapfile -t COMPREPLY < <(compgen -W 'auto never only' -- "$word"); return ;;
    --map) mapfile -t COMPREPLY < <(compgen -W 'auto never' -- "$word"); return ;;
    --transport) mapfile -t COMPREPLY < <(compgen -W 'any udp tcp' -- "$word"); return ;;
    --expect) mapfile -t COMPREPLY < <(compgen -W 'any direct relayed' -- "$word"); return ;;
    --wait) mapfile -t COMPREPLY < <(compgen -W '1m 10m 8h' -- "$word"); return ;;
    --timeout | --for) mapfile -t COMPREPLY < <(compgen -W '2s 10s 1m' -- "$word"); return ;;
    --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$word"); return ;;
    --server | --stun) mapfile -t COMPREPLY < <(compgen -A hostname -- "$word"); return ;;
    --turn) mapfile -t COMPREPLY < <(compgen -W 'turn: turns:' -A hostname -- "$word"); return ;;
    --config | --secret-file | --turn-password-file) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    --turn-user | --local-port | -L | --tcp | --udp | --permit) return ;;
  esac
  local options
  case $command in
    '') options="$commands $common" ;;
    manual) options="--sdp $connection $common" ;;
    *) options="--secret-file --fresh $connection $common" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}
complete -F _punch punch
