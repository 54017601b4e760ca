//! The HTTP words every face shares
