//! What `dkms --help` prints.

/// The usage text.
pub const TEXT: &str = "\
Usage: dkms [ACTION] [OPTIONS] [MODULE/VERSION | DIRECTORY | dkms.conf | ARCHIVE]

Actions:
  add | build | install | uninstall | unbuild | remove   one module, step by step
  autoinstall                                            all modules, for one kernel
  match                                                  one kernel as another: --templatekernel
  mktarball | ldtarball                                  write and read archives of a module
  status                                                 what there is
  generate_mok                                           find or make the signing key
  kernel_postinst | kernel_preinst | kernel_prerm        for kernel packages

Options:
  -m MODULE[/VERSION]  -v VERSION      the module
  -k KERNEL[/ARCH]     -a ARCH         the kernel, repeatable; the running one by default
  --all                                every kernel that the module is built for
  -c FILE                              another dkms.conf
  -j N                                 how many compilers at once
  --force                              over what is there
  --force-version-override             install whatever version the kernel has
  --templatekernel KERNEL              what match looks at
  --archive FILE                       the archive that mktarball writes or ldtarball reads
  --binaries-only | --source-only      what mktarball leaves out
  --config FILE  --kernelsourcedir DIR another kernel configuration, other headers
  --directive NAME=VALUE               set a directive, repeatable
  --dkmstree DIR  --sourcetree DIR  --installtree DIR
  --no-depmod  --quiet  --verbose  --version  --help

This is evermod, which keeps DKMS's contract; see dkms(8) and evermod(8).
";
