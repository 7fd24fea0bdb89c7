#!/bin/bash
# What a release does on its host. It lies in the release's own directory, beside its compose file,
# Caddyfile and release.env; a deploy starts it, and a deploy that is cut off cannot stop it half-way.
#
#   release.sh prepare WAIT WHO          mend what an earlier deploy left behind, remove its leftovers
#   release.sh rehearse WAIT WHO         run the release apart from all clients, carry a message, remove it
#   release.sh start WAIT WHO EXPECTED   let it take over from what serves, detached from this session;
#                                        EXPECTED is the release that has to be serving, or "any"
#   release.sh progress LINES            its log after that many lines, then one line with its state
#   release.sh verdict keep|back         what the deploying machine saw through the public address
#
# All that changes anything holds the lock of the host. WAIT is how many seconds to wait for it.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
release=${here##*/}
root=${here%/releases/*}
readonly here release root
readonly READY_WAIT=60   # seconds for a relay to get ready; Docker calls a bad one unhealthy after 20
readonly VERDICT_WAIT=45 # seconds for the deploying machine to say what it saw
readonly REMEMBERED=3    # releases before the current one
readonly LOG_LINES=40    # of a container that failed

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# A whole word or none, for a reader at any moment.
note() { # FILE WORDS
  say "$2" >"$here/.$1.new"
  mv "$here/.$1.new" "$here/$1"
}
state() { note state "$1"; }

hold_lock() { # WAIT WHO
  exec 9>>"$root/lock"
  if ! flock --timeout "$1" 9; then
    fail "another deploy holds this host and did not end within $1 s: $(cat "$root/lock")"
  fi
  say "release $release, by $2, since $(date -u +%H:%M:%S) UTC" >"$root/lock"
}

# --- containers ---

relays() { # docker ps options; a rehearsal is a one-off container and never among them
  docker ps --quiet --no-trunc --filter label=com.docker.compose.project=relay \
    --filter label=com.docker.compose.service=relay \
    --filter label=com.docker.compose.oneoff=False "$@"
}

release_of() { # CONTAINER
  local image
  image=$(docker inspect --format '{{.Config.Image}}' "$1")
  say "${image#relay:}"
}

compose() { # DIRECTORY compose arguments: always with the host's own settings
  local of=$1
  shift
  docker compose --project-name relay --project-directory "$root" --env-file "$root/.env" \
    --env-file "$of/release.env" --file "$of/docker-compose.yml" "$@"
}

check() { # CONTAINER: its own health check, asked now: Docker's next one may be seconds away
  local check
  mapfile -t check < <(docker inspect --format \
    '{{if .Config.Healthcheck}}{{range .Config.Healthcheck.Test}}{{println .}}{{end}}{{end}}' "$1" | sed '/^$/d')
  case ${check[0]:-} in
    CMD) docker exec "$1" "${check[@]:1}" 2>&1 ;;
    CMD-SHELL) docker exec "$1" /bin/sh -c "${check[1]}" 2>&1 ;;
    *) return 0 ;;
  esac
}

# Its words are caught and not sent to /dev/null, which for that moment would be this shell's own output:
# `progress` knows a switch by that.
is_ready() { # CONTAINER
  local words
  words=$(check "$1")
}

# One that answers serves, also if it takes no new clients; one that has handed over does not answer.
answers() { # CONTAINER
  local words
  words=$(check "$1") || [[ $words == *'"ready"'* ]]
}

any_answers() { # CONTAINER...
  local container
  for container; do
    if answers "$container"; then return 0; fi
  done
  return 1
}

await_ready() { # CONTAINER; says why not
  local state deadline=$((SECONDS + READY_WAIT))
  while ((SECONDS < deadline)); do
    state=$(docker inspect --format \
      '{{.State.Status}} {{.RestartCount}} {{if .State.Health}}{{.State.Health.Status}}{{end}} {{.State.ExitCode}}' "$1")
    case $state in
      "running 0 unhealthy"*)
        say "it runs but does not get ready"
        return 1
        ;;
      "running 0 "*) if is_ready "$1"; then return 0; fi ;;
      "created "*) ;;
      *)
        say "it ended with exit code ${state##* }"
        return 1
        ;;
    esac
    sleep 0.2
  done
  say "it was not ready within $READY_WAIT s"
  return 1
}

# Not even its own health check is answered, again and again: it can hand nothing over.
hangs() { # CONTAINER
  local health
  health=$(docker inspect --format '{{if .State.Health}}{{.State.Health.Status}}{{end}}' "$1")
  [[ $health == unhealthy ]] && ! answers "$1"
}

still_runs() { # CONTAINER
  [[ $(docker inspect --format '{{.State.Status}} {{.RestartCount}}' "$1") == "running 0" ]]
}

carries_a_message() { # CONTAINER: between two clients, on its own address, as the host's settings ask for
  local address
  address=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$1")
  docker exec --interactive "$1" python - "${address%% *}" <"$here/roundtrip.py"
}

last_words() { # CONTAINER
  say "its last lines:"
  docker logs --tail "$LOG_LINES" "$1" 2>&1 | sed 's/^/  | /'
}

# --- Caddy ---

in_caddy() { # caddy arguments; the Caddyfile comes by stdin: the mounted one is the file of its start
  local caddy
  caddy=$(docker ps --quiet --filter label=com.docker.compose.project=relay \
    --filter label=com.docker.compose.service=caddy)
  [[ -n $caddy ]] || fail "Caddy does not run: provision the host again"
  docker exec --interactive "$caddy" caddy "$@" --config - --adapter caddyfile 2>&1
}

caddy_refuses() { # CADDYFILE; says why
  local words
  if words=$(in_caddy validate <"$1"); then return 1; fi
  sed -n 's/^Error: //p' <<<"$words" | tail -n 1 | grep . || tail -n 3 <<<"$words"
}

caddy_takes() { # CADDYFILE
  local words
  if words=$(in_caddy reload <"$1"); then return 0; fi
  tail -n 3 <<<"$words"
  return 1
}

# --- what is on record ---

current() { sed -n 's/^RELAY_IMAGE=relay://p' "$root/release.env"; }

commit() { # DIRECTORY: release.env last, because it names the release
  local file
  for file in docker-compose.yml Caddyfile.docker release.env; do
    # For everybody to read: Caddy's root has no right to pass over a file's mode when it starts.
    install -m 644 "$1/$file" "$root/.$file.new" || return 1
    sync "$root/.$file.new"
  done
  for file in docker-compose.yml Caddyfile.docker release.env; do
    mv "$root/.$file.new" "$root/$file" || return 1
  done
}

forget() { # RELEASE
  docker image rm "relay:$1" >/dev/null 2>&1 || true
  rm -rf "${root:?}/releases/${1:?}"
}

# The current release and those before it stay. What never served is a leftover once a later one
# serves: until then it may be a deploy that is still uploading.
prune() {
  local directory name kept=0 tag
  while read -r directory; do
    name=${directory##*/}
    if [[ $name == "$(current)" ]]; then continue; fi
    if [[ -e $directory/served ]]; then
      if ((kept < REMEMBERED)); then
        kept=$((kept + 1))
        continue
      fi
    elif [[ $name > $release ]]; then
      continue
    fi
    forget "$name"
  done < <(find "$root/releases" -mindepth 1 -maxdepth 1 -type d | sort --reverse)
  while read -r tag; do
    if [[ $tag =~ ^[0-9]{8}T[0-9]{6}- && ! -d $root/releases/$tag ]]; then
      docker image rm "relay:$tag" >/dev/null 2>&1 || true
    fi
  done < <(docker image ls --format '{{.Tag}}' relay)
}

# A switch that was killed, or a host that went down in one: one relay waits to be stopped, or the one that
# serves is not on record, or Caddy runs by another Caddyfile. Whatever is healthy and on record stays;
# else whatever is healthy becomes the record.
mend() {
  local containers container keep="" name words
  mapfile -t containers < <(relays)
  if [[ ! -e $root/switching && ${#containers[@]} -le 1 ]]; then return; fi
  say "an earlier deploy was cut off on this host: mending"
  # One that has just been started takes over before it is ready.
  for container in "${containers[@]}"; do words=$(await_ready "$container") || true; done
  for container in "${containers[@]}"; do
    if [[ $(release_of "$container") == "$(current)" ]] && is_ready "$container"; then keep=$container; fi
  done
  if [[ -z $keep ]]; then
    for container in "${containers[@]}"; do
      name=$(release_of "$container")
      if [[ -e $root/releases/$name/release.env ]] && is_ready "$container"; then
        keep=$container
        commit "$root/releases/$name"
        break
      fi
    done
  fi
  if [[ -n $keep ]]; then
    for container in "${containers[@]}"; do
      if [[ $container != "$keep" ]]; then
        say "stopping a second relay, of release $(release_of "$container")"
        docker stop "$container" >/dev/null
        docker rm "$container" >/dev/null
      fi
    done
    docker update --restart unless-stopped "$keep" >/dev/null
    caddy_takes "$root/Caddyfile.docker" || true
  fi
  rm -f "$root/switching"
}

# A switch that was killed while it waited for a verdict has given none: what serves since then is what
# a bad release has to go back to.
accept_what_serves() {
  local container
  for container in $(relays); do
    if [[ $(release_of "$container") == "$(current)" && -d $root/releases/$(current) ]] &&
      is_ready "$container"; then
      touch "$root/releases/$(current)/served"
    fi
  done
}

# --- the verbs ---

prepare() {
  local container directory name too_old
  hold_lock "$@"
  mend
  for container in $(docker ps --all --quiet --filter label=com.docker.compose.project=relay \
    --filter label=com.docker.compose.oneoff=True); do
    say "removing the rehearsal of a deploy that was cut off"
    docker rm --force "$container" >/dev/null
  done
  too_old=$(date -u -d '1 hour ago' +%Y%m%dT%H%M%S)
  for directory in "$root"/releases/*/; do
    name=$(basename "$directory")
    if [[ ! -e $directory/served && $name < $too_old && $name != "$(current)" && $name != "$release" ]]; then
      say "removing release $name, which was never finished"
      forget "$name"
    fi
  done
}

rehearse() {
  local container reason words
  hold_lock "$@"
  if ! words=$(compose "$here" config --quiet 2>&1); then
    fail "docker-compose.yml of this release has an error: $words"
  fi
  if reason=$(caddy_refuses "$here/Caddyfile.docker"); then
    fail "Caddyfile.docker of this release has an error: $reason"
  fi
  # Without the sockets: Caddy cannot find it, so no client can either, and it takes over nothing.
  trap 'docker rm --force relay-rehearsal >/dev/null 2>&1 || true' EXIT
  docker rm --force relay-rehearsal >/dev/null 2>&1 || true
  if ! words=$(compose "$here" --file "$here/rehearsal.yml" run --detach --no-deps --name relay-rehearsal relay 2>&1); then
    fail "the release does not start on this host: $words"
  fi
  container=relay-rehearsal
  if ! reason=$(await_ready "$container"); then
    last_words "$container" >&2
    fail "the release was rehearsed beside the one that serves, and $reason"
  fi
  if ! words=$(carries_a_message "$container" 2>&1) || ! still_runs "$container"; then
    last_words "$container" >&2
    fail "the release was rehearsed beside the one that serves, and carried no message: ${words##*$'\n'}"
  fi
}

start() { # WAIT WHO EXPECTED
  rm -f "$here/verdict"
  state waiting
  : >"$here/log"
  # It writes to the log from the moment that it has a number: `progress` knows it by that.
  { setsid "$here/release.sh" switch "$@" 9>&- & } >>"$here/log" 2>&1 </dev/null
  say $! >"$here/pid"
}

# Start first: the new relay starts beside the old one and takes over all its connections; only then the
# old one is stopped. Returns 1 when the old one goes on serving, 2 when the new one has taken over and
# something is wrong with it or with the record.
serve() { # DIRECTORY; the container that then serves is left in $serving
  local next=$1 list old new="" container reason="" caddy_moved=false
  # Compose would start those again, and count them.
  relays --all --filter status=exited --filter status=dead --filter status=created |
    xargs --no-run-if-empty docker rm >/dev/null
  # Those it cannot start, and would fail.
  relays --filter status=paused | xargs --no-run-if-empty docker unpause >/dev/null
  # No answer is not the same as no relay.
  if ! list=$(relays --all); then
    say "Docker does not answer on this host"
    return 1
  fi
  mapfile -t old < <(sed '/^$/d' <<<"$list")
  say "${next##*/}" >"$root/switching"
  if ! cmp --silent "$next/Caddyfile.docker" "$root/Caddyfile.docker"; then
    say "reloading Caddy: its Caddyfile has changed"
    caddy_takes "$next/Caddyfile.docker" || return 1
    caddy_moved=true
  fi
  say "starting release ${next##*/}${old[*]:+ beside the one that serves}"
  reason=$(compose "$next" --progress quiet create --no-recreate --pull never \
    --scale "relay=$((${#old[@]} + 1))" relay 2>&1) && reason=""
  for container in $(relays --all); do
    if [[ " ${old[*]} " != *" $container "* ]]; then new=$container; fi
  done
  for container in "${old[@]}"; do
    # Whoever has handed over must not come back: it would take over in its turn. From here on a host
    # that goes down comes back with the new relay.
    if [[ -n $new ]]; then docker update --restart no "$container" >/dev/null; fi
    if hangs "$container"; then
      say "release $(release_of "$container") hangs and hands nothing over: it is killed"
      docker kill "$container" >/dev/null || true
    fi
  done
  if [[ -z $new || -n $reason ]] || ! reason=$(docker start "$new" 2>&1 >/dev/null) ||
    ! reason=$(await_ready "$new") || ! reason=$(commit "$next" 2>&1); then
    if [[ -n $new ]]; then last_words "$new"; fi
    say "release ${next##*/}: ${reason:-compose did not start it}"
    if ((${#old[@]})) && ! any_answers "${old[@]}"; then
      serving=$new
      return 2
    fi
    if [[ -n $new ]]; then docker rm --force "$new" >/dev/null; fi
    if ((${#old[@]})); then docker update --restart unless-stopped "${old[@]}" >/dev/null; fi
    if $caddy_moved; then caddy_takes "$root/Caddyfile.docker" || true; fi
    rm -f "$root/switching"
    return 1
  fi
  if ((${#old[@]})); then
    say "release ${next##*/} is ready; the old one is stopped"
    # Whom it could not hand over is asked to leave, within its own grace period.
    docker stop "${old[@]}" >/dev/null 9>&- &
    wait
    docker rm "${old[@]}" >/dev/null
  fi
  rm -f "$root/switching"
  serving=$new
  say "release ${next##*/} serves alone"
}

switch() { # WAIT WHO EXPECTED
  local previous verdict serving="" code=0
  trap 'ended $?' EXIT
  hold_lock "$1" "$2"
  state switching
  mend
  accept_what_serves
  previous=$(current)
  if [[ $3 != any && $3 != "$previous" ]]; then
    state "moved $previous"
    exit 0
  fi
  serve "$here" || code=$?
  case $code in
    0)
      state serving
      verdict=$(await_verdict "$serving")
      ;;
    2) verdict="the new relay has taken over and does not get ready" ;;
    *) exit 1 ;;
  esac
  if [[ $verdict == keep ]]; then
    touch "$here/served"
    # What a rollback goes to. A release that was gone back from precedes no other.
    if [[ $previous < $release ]]; then note predecessor "$previous"; fi
    prune
    state kept
    return
  fi
  say "going back: $verdict"
  if [[ ! -e $root/releases/$previous/served ]]; then
    touch "$here/served"
    say "there is no release before this one to go back to: it goes on serving"
    state stays
    return
  fi
  state returning
  last_words "$serving"
  if ! serve "$root/releases/$previous"; then
    say "release $previous does not get ready either: this one is left as it is, deploy a good one"
    state stays
    return
  fi
  state "returned $previous"
}

await_verdict() { # CONTAINER
  local verdict deadline=$((SECONDS + VERDICT_WAIT))
  while ((SECONDS < deadline)); do
    if ! still_runs "$1"; then
      say "the relay ended or was restarted after it had become ready"
      return
    fi
    if [[ -e $here/verdict ]]; then
      verdict=$(<"$here/verdict")
      if [[ $verdict != keep ]]; then verdict="the deploying machine saw no message come through"; fi
      say "$verdict"
      return
    fi
    sleep 0.2
  done
  if carries_a_message "$1" >/dev/null 2>&1; then
    say keep
  else
    say "the deploying machine is silent and the relay carries no message"
  fi
}

ended() { # EXIT CODE
  if (($1)); then state failed; fi
}

progress() { # LINES
  local state alive=gone
  state=$(<"$here/state")
  # Its number may be anybody's by now, and after a reboot soon is.
  if [[ /proc/$(<"$here/pid")/fd/1 -ef $here/log ]]; then alive=alive; fi
  # The state is read before the log: what it says has been logged.
  tail -n "+$(($1 + 1))" "$here/log"
  say "=$alive $state"
}

verdict() { note verdict "$1"; }

"$@"
