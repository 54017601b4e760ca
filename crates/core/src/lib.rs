//! The vocabulary of Wharf and its laws
