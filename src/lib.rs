//! crore: the runtime's front door.
