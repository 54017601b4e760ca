//! Where truth lives: SQLite and PostgreSQL
