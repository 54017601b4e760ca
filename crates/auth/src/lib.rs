//! Who is calling: passwords, tokens, keys
