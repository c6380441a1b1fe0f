# Packages and repositories as Arch's tools write them. Put before the recipes that ask for it.
pool=/srv/pacman/pool work=/var/tmp/arch
mkdir -p "$pool" "$work"

# pack NAME VERSION ARCH DIR [FIELD=VALUE]...: a package file of what is below DIR.
pack() {
  local name=$1 version=$2 arch=$3 dir=$4 field
  shift 4
  {
    printf '%s\n' "pkgname = $name" "pkgbase = ${name%-headers}" 'xdata = pkgtype=pkg' "pkgver = $version" "pkgdesc = $name" \
      'url = https://example.org' 'builddate = 1700000000' 'packager = tests' "size = $(du -sb "$dir" | cut -f1)" "arch = $arch" \
      'license = GPL-2.0-only'
    for field; do printf '%s = %s\n' "${field%%=*}" "${field#*=}"; done
  } >"$dir/.PKGINFO"
  (
    cd "$dir"
    set -- $(find . -mindepth 1 -maxdepth 1 ! -name .MTREE ! -name .PKGINFO ! -name .INSTALL -printf '%P\n')
    [ ! -e .INSTALL ] || set -- .INSTALL "$@"
    bsdtar -czf .MTREE --format=mtree --options='!all,use-set,type,uid,gid,mode,time,size,sha256,link' .PKGINFO "$@"
    bsdtar --uid 0 --gid 0 -cf - .PKGINFO .MTREE "$@" | zstd -q -3 -T0 -f -o "$pool/$name-$version-$arch.pkg.tar.zst"
  )
  rm -rf "$dir"
}

# repository DIR NAME-VERSION-ARCH...: a repository of these packages (repo-add(8) does not work here).
repository() {
  local dir=$1 file info field
  shift
  mkdir -p "$dir" "$work/db"
  for file; do
    file=$file.pkg.tar.zst
    ln -sf "$pool/$file" "$dir/$file"
    info=$(bsdtar -xOf "$pool/$file" .PKGINFO)
    field() { printf '%s\n' "$info" | sed -n "s/^$1 = //p"; }
    mkdir -p "$work/db/$(field pkgname)-$(field pkgver)"
    {
      printf '%%%s%%\n%s\n\n' FILENAME "$file" NAME "$(field pkgname)" BASE "$(field pkgbase)" VERSION "$(field pkgver)" DESC \
        "$(field pkgdesc)" CSIZE "$(stat -c %s "$pool/$file")" ISIZE "$(field size)" SHA256SUM \
        "$(sha256sum "$pool/$file" | cut -d' ' -f1)" ARCH "$(field arch)" BUILDDATE 1700000000 PACKAGER tests
      [ -z "$(field depend)" ] || printf '%%DEPENDS%%\n%s\n\n' "$(field depend)"
    } >"$work/db/$(field pkgname)-$(field pkgver)/desc"
  done
  bsdtar -C "$work/db" -czf "$dir/tests.db" $(ls "$work/db")
  rm -rf "$work/db"
}
