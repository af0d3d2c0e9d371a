"""The lab's hypervisor: a Proxmox VE 9 API over TLS, whose guests are real (engine.lab.guest).

It is the PyPI package `fakepve` (AGPL; its schema, its wording) with life: power actions start
and stop guests, the guest agent answers, disks use up storage, tokens and access rules are
checked, and what fakepve lacks against the real API is filled in (`wire`, `access`, `disks`).

    <provider>/state.json     VMs, storages, pools, tokens, rules, finished tasks
    <provider>/token.json     the API token that a profile uses, {"id", "secret"} (0600); read if
                              it is there at the first start, made otherwise
    <provider>/root-password  password of root@pam (0600)
    <provider>/tls/           own authority (ca.pem), the certificate for the address, its key
    <provider>/api.json       pid, start time and address of the running process
    <provider>/api.lock       held by the running process
    <provider>/faults.json    faults that tests and demonstrations switch on (`faults`)
    <provider>/guests/        one directory per VM

Start and stop it with `engine.lab.api.launch`; guests go on while the API is down and are
found again when it returns.
"""
