"""Mail servers whose accounts Modoboa keeps, by its HTTP API."""
