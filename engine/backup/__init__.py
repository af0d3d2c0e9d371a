"""Backups: captured state of a deployment in a repository elsewhere, and back from there.

A backup is one stream, made on the guest: first what is needed to understand it (`about.json`,
`secrets.json`), then the capture's directory by GNU tar. restic keeps the stream as one file.
Why a stream and not restic's own walk over the directory: a capture is a fresh copy each time,
so restic would read all of it anyway; chunks are cut by content, so what did not change is
stored once all the same; owners, holes, links, attributes are those of GNU tar, whichever
restic and whichever user there is (restic 0.14 of Debian 12 fills holes); secrets go from
memory into the encrypted repository and never lie on a guest's disk; and one checksum covers
everything from the guest to the repository and back. What it costs: one file alone is not
taken out without reading past what lies before it.

Where restic runs follows from where the data go. Into a directory of this machine they have
to come here: the guest sends the stream by OpenSSH, restic runs here, and no guest ever learns
the repository's password. Into S3 they go straight: restic runs on the guest, which gets
password and key for that one call, by standard input and in memory; all else (listing,
checking, forgetting) is done from here.
"""
