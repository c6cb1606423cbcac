# Bash completion for upnp-map(1).
_upnp_map() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' i
  local commands='discover status list add remove hold check pinhole gc'
  local common='--json -q --quiet -v --verbose --color --config --version -h --help'
  local router='--timeout --local-address'
  local mapping="--protocol --lease --description --via --verify $router"
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ ${COMP_WORDS[i]} == -- ]] && return  # a program's command line from here on
    [[ -z $command && " $commands " == *" ${COMP_WORDS[i]} "* ]] && command=${COMP_WORDS[i]}
  done
  case $before in
    --local-address | pinhole)
      mapfile -t COMPREPLY < <(
        compgen -W "$(ip -o address 2>/dev/null | awk '{ sub("/.*", "", $4); print $4 }')" -- "$word")
      return ;;
    --protocol) mapfile -t COMPREPLY < <(compgen -W 'udp tcp both' -- "$word"); return ;;
    --via) mapfile -t COMPREPLY < <(compgen -W 'pcp nat-pmp upnp' -- "$word"); return ;;
    --external) mapfile -t COMPREPLY < <(compgen -W 'any' -- "$word"); return ;;
    --lease) mapfile -t COMPREPLY < <(compgen -W '10m 2h 24h' -- "$word"); return ;;
    --timeout) mapfile -t COMPREPLY < <(compgen -W '1s 5s 10s' -- "$word"); return ;;
    --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$word"); return ;;
    --server | --verify) mapfile -t COMPREPLY < <(compgen -A hostname -- "$word"); return ;;
    --config) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    --description) return ;;
  esac
  local options
  case $command in
    '') options="$commands $common" ;;
    add | hold) options="--external --through-all $mapping $common" ;;
    pinhole) options="$mapping $common" ;;
    remove) options="--protocol --all-ours --force $router $common" ;;
    check) options="--server --protocol --timeout $common" ;;
    *) options="$router $common" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}
complete -F _upnp_map upnp-map
