# Bash completion for nat-probe(1).
_nat_probe() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  case $before in
    --local-address)
      mapfile -t COMPREPLY < <(
        compgen -W "$(ip -o address 2>/dev/null | awk '{ sub("/.*", "", $4); print $4 }')" -- "$word")
      return ;;
    --expect)
      mapfile -t COMPREPLY < <(compgen -W 'udp= ipv4.nat= ipv4.mapping= ipv4.filtering= ipv4.port_preserved= ipv6.nat=
        ipv6.mapping= ipv6.filtering= ipv6.port_preserved= labels.rfc3489= verdict.against.expected=' -- "$word")
      compopt -o nospace
      return ;;
    --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$word"); return ;;
    --server) mapfile -t COMPREPLY < <(compgen -A hostname -- "$word"); return ;;
    --against | --config | --html | --record | --replay) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    --watch) mapfile -t COMPREPLY < <(compgen -W '10s 1m 10m' -- "$word"); return ;;
    --timeout) mapfile -t COMPREPLY < <(compgen -W '1s 3s 10s' -- "$word"); return ;;
  esac
  if [[ $word != -* ]]; then
    mapfile -t COMPREPLY < <(compgen -A hostname -- "$word")
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W '--server -4 --ipv4 -6 --ipv6 --timeout --local-address --hairpin --lifetime --fresh --expect --replay
    --record --against --redact --watch --count --html --compare --prometheus
    --json -q --quiet -v --verbose --color --config --version -h --help' -- "$word")
}
complete -F _nat_probe nat-probe
