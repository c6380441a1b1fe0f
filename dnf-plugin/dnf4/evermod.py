"""Hands dnf's transactions over to evermod, which judges them and prints what there is to say.

Nothing of this may stop dnf but a refusal, status 100: not a missing program, not a broken one, not a mistake in here.
"""
import json
import logging
import os
import subprocess
import sys
import tempfile

import dnf
import dnf.exceptions

PROGRAM = "/usr/bin/evermod"
REFUSED = 100

log = logging.getLogger("dnf.plugin.evermod")


class Evermod(dnf.Plugin):
    name = "evermod"

    def resolved(self):
        """What would be done is known; nobody has been asked yet, nothing is downloaded."""
        self.ask("dnf-preflight", "resolved")

    def pre_transaction(self):
        """The packages are downloaded and tested; nothing has changed."""
        self.ask("dnf-preflight", "downloaded")

    def transaction(self):
        """All is done; where rpm ran our file triggers, they have left nothing to do."""
        self.ask("dnf-settle")

    def ask(self, *event):
        try:
            status = self.run(event)
        except Exception as error:  # pylint: disable=broad-except
            log.debug("evermod: %s: %s", event, error)
            return
        if status == REFUSED and event != ("dnf-settle",):
            raise dnf.exceptions.Error("evermod refuses this transaction, see above; nothing was changed")
        if status:
            log.debug("evermod: %s: status %s", event, status)

    def run(self, event):
        transaction = self.base.transaction
        # In another root it is that root's evermod that acts, by rpm's file triggers.
        if self.base.conf.installroot != "/" or not transaction or not os.access(PROGRAM, os.X_OK):
            return 0
        packages = [self.describe(package, "IN") for package in transaction.install_set or ()]
        packages += [self.describe(package, "OUT") for package in transaction.remove_set or ()]
        if not packages:
            return 0
        sys.stdout.flush()
        # Not a pipe: dnf dies of SIGPIPE, so a program that ends without reading would take dnf along.
        with tempfile.TemporaryFile("w+") as told:
            told.writelines(json.dumps(package, sort_keys=True) + "\n" for package in packages)
            told.seek(0)
            return subprocess.run([PROGRAM, "hook", *event], stdin=told, check=False).returncode

    @staticmethod
    def describe(package, direction):
        """What evermod is told of a package; its file once it is downloaded."""
        told = {"direction": direction, "name": package.name, "version": package.version, "release": package.release,
                "arch": package.arch}
        path = package.localPkg() if direction == "IN" else None
        if path and os.path.isfile(path):
            told["file"] = path
        return told
