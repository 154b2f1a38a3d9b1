"""The bars above which something counts as wrong, and how all values lie about them."""
