# Bash completion for rendezvousd(1).
_rendezvousd() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  case $before in
    --listen | --alternate | --http | --relay-address)
      mapfile -t COMPREPLY < <(
        compgen -W "$(ip -o address 2>/dev/null | awk '{ sub("/.*", "", $4); print $4 }')" -- "$word")
      return ;;
    --log) mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$word"); return ;;
    --relay) mapfile -t COMPREPLY < <(compgen -W 'on off' -- "$word"); return ;;
    --allow-peers) mapfile -t COMPREPLY < <(compgen -W 'private shared link-local loopback' -- "$word"); return ;;
    --reachability | --signalling) mapfile -t COMPREPLY < <(compgen -W 'on off' -- "$word"); return ;;
    --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$word"); return ;;
    --config | --identity | --ban-file | --auth-secret-file | --tls-cert | --tls-key) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    --max-rate | --max-excess | --max-excess-for-all | --max-addresses | --max-connections | --max-connections-per-address | --max-checks | --max-clients | --max-clients-per-address | --max-names-per-client | --max-sessions | --max-sessions-per-address | --max-http-rate | --min-row-timeout | --max-relays | --max-relays-per-user | --max-relays-per-address | --max-relay-rate | --relay-ports | --turn) return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W '--listen --alternate --log --reachability --signalling --http --identity --ban-file --tls-cert --tls-key --relay --auth-secret-file --turn --relay-address --relay-ports --allow-peers --max-rate --max-excess --max-excess-for-all --max-addresses --max-connections
    --max-connections-per-address --max-checks --max-clients --max-clients-per-address --max-names-per-client --max-sessions --max-sessions-per-address --max-http-rate --min-row-timeout --max-relays --max-relays-per-user --max-relays-per-address --max-relay-rate --json -q --quiet -v --verbose --color --config --version -h --help' -- "$word")
}
complete -F _rendezvousd rendezvousd
