//! The README's table of settings is the code's.

use inference_service::config::settings::SETTINGS;

const README: &str = include_str!("../../../README.md");

/// Flag, variable and default of each row of the table whose first columns are called so.
fn table() -> Vec<[&'static str; 3]> {
    let columns = ["flag", "variable", "default"];
    // After the head comes the line under it.
    let rows = README.lines().skip_while(|line| cells(line) != Some(columns)).skip(2);
    rows.map_while(cells).collect()
}

fn cells(line: &str) -> Option<[&str; 3]> {
    let mut cells =
        line.trim().strip_prefix('|')?.split('|').map(|cell| cell.trim().trim_matches('`'));
    Some([cells.next()?, cells.next()?, cells.next()?])
}

#[test]
fn the_table_of_settings_is_the_codes() {
    let settings = SETTINGS.iter().map(|s| (format!("--{}", s.flag), s.env, s.default));
    let rows = table();
    let rows =
        rows.iter().map(|[flag, variable, default]| ((*flag).to_owned(), *variable, *default));
    assert_eq!(rows.collect::<Vec<_>>(), settings.collect::<Vec<_>>());
}
