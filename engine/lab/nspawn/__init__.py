"""A full Debian guest: the same directory, init and control socket as a light guest's, with
systemd-nspawn behind them.

The guest's keeper (`python -m engine.lab.nspawn`) stands where a light guest's init stands:
whoever starts, asks, stops or destroys guests by `engine.lab.guest.power` need not know which
kind it is. What lives in the guest lives in a control group of its own, so that it can be ended
for certain; its link hangs on the lab's bridge and goes with it.

    guests/<vmid>/root/         the file system, taken from the lab's base at the first power-on
    guests/<vmid>/console.log   what the guest shows on its console since the last power-on

It needs root. Guests are not walled off from this machine as virtual machines would be: their
root is this machine's root with fewer rights.
"""
