"""A lab guest: a directory that stands for `/`, an address, and one process that is its init.

The init (`python -m engine.lab.guest`) adopts every orphan of the guest, runs its services as
systemd would, answers the guest agent and serves SSH. What an operator sees on Debian is there
as small commands in the guest's `usr/bin` that ask the init: systemctl, journalctl, apt-get.

    guests/<vmid>/guest.json   what the hypervisor gives the guest at power-on (cloud-init)
    guests/<vmid>/init.json    pid and start time of the running init; "ready" once it serves
    guests/<vmid>/init.lock    held by the running init
    guests/<vmid>/control      unix socket of the init: guest agent, and the guest's commands
    guests/<vmid>/root/        the guest's file system

The hypervisor and `homeport lab` use `engine.lab.guest.power`, which needs no init to be alive.
"""
