#!/bin/bash
# Run inside a root: the steps of one sequence, and what each of them leaves.
# usage: run.sh DIR      DIR/N.step are shell lines; beside each appear N.code .out .err .tree .info .dep .log
set -u
dir=$1
export K1 K2 R
{ read -r K1; read -r K2; } </etc/test-kernels
R=$(uname -r)
cd /root || exit 1
umask 022

# Few processes: this runs some thousands of times, and starting one costs more than what most of them do.
look() {
  local places=(/var/lib/dkms /usr/src /lib/modules /etc/dkms) files logs
  for place in /srv/tree /srv/src /srv/modules; do [ ! -d "$place" ] || places+=("$place"); done
  # Owners by number: find opens /etc/passwd and /etc/group for each file's names.
  find -H "${places[@]}" \( -path '/usr/src/linux-*' -o -path '/etc/dkms/framework.conf*' \) -prune -o \
    -printf '%y %m %U:%G %p\t%l\n' | LC_ALL=C sort -k4 >"$dir/$1.tree"
  mapfile -t files < <(awk '($1 == "f" || $1 == "l") && $4 ~ /\.ko(\.gz|\.xz|\.zst)?$/ &&
    $4 !~ /^\/lib\/modules\/[^\/]+\/kernel\/(drivers\/net|net|lib)\/|^\/usr\/src\// {print $4}' "$dir/$1.tree")
  : >"$dir/$1.info"
  [ ${#files[@]} = 0 ] || modinfo "${files[@]}" >"$dir/$1.info" 2>&1
  awk '!/^kernel\/(drivers\/net|net|lib)\// {print FILENAME ": " $0}' /lib/modules/*/modules.dep 2>/dev/null | LC_ALL=C sort >"$dir/$1.dep"
  mapfile -t logs < <(awk '$4 ~ /^\/(var\/lib\/dkms|srv\/tree)\/.*\/make\.log$/ {print $4}' "$dir/$1.tree")
  : >"$dir/$1.log"
  [ ${#logs[@]} = 0 ] || grep -H '^ORACLE' "${logs[@]}" 2>/dev/null | LC_ALL=C sort >"$dir/$1.log"
}

for step in $(cd "$dir" && ls -- *.step | sort -n); do
  n=${step%.step}
  timeout -k 5 120 bash -c "$(<"$dir/$step")" >"$dir/$n.out" 2>"$dir/$n.err" </dev/null
  echo $? >"$dir/$n.code"
  look "$n"
done
