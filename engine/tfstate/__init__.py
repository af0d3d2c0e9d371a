"""The state of OpenTofu and Terraform, kept in OpenBao and served over their `http` backend."""
