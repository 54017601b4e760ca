//! A case on SQLite, and on PostgreSQL where there is one.

/// For each case its test on SQLite, and the name of that on PostgreSQL. Both get a database of their own.
macro_rules! on_both {
    ($($case:ident $on_postgres:ident),*) => {
        mod cases {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    let folder = tempfile::tempdir().unwrap();
                    let (file, ballast) = (folder.path().join("wharf.sqlite"), folder.path().join("ballast"));
                    super::$case(crate::Database::sqlite(&file, &ballast).unwrap()).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn $on_postgres() {
                    let Some(fresh) = crate::postgres::Fresh::make().await else { return };
                    super::$case(crate::Database::postgres(fresh.settings()).await.unwrap()).await;
                }
            )*
        }
    };
}

pub(crate) use on_both;
