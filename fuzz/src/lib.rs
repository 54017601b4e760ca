//! Fuzz targets; they live in `targets/`.
