"""Mail servers: accounts to send by, mailboxes, aliases, and the records that mail needs."""
