//! CPU of one request as a picture: hub, limit and PostGraphile, for one customer and for fifty.
use crate::{
    Result,
    report::{Report, Row},
    stage::AGENT,
};
use plotters::{
    drawing::IntoDrawingArea,
    element::{Rectangle, Text},
    prelude::{DrawingArea, IntoFont, RGBColor, SVGBackend, TextStyle},
    style::{
        Color,
        text_anchor::{HPos, Pos, VPos},
    },
};
use std::path::Path;

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

const PANELS: [(&str, &str); 2] = [("one", "One customer's 360"), ("list", "Fifty of them")];
const WIDTH: i32 = 900;
const BAR: i32 = 20;
const ROW: i32 = 30;
const TOP: i32 = 84;
const PAPER: RGBColor = RGBColor(255, 255, 255);
const INK: RGBColor = RGBColor(31, 41, 55);
const QUIET: RGBColor = RGBColor(107, 114, 128);
const RULE: RGBColor = RGBColor(209, 213, 219);

/// Draws it; nothing where the scenarios were not measured.
pub fn write(report: &Report, file: &Path) -> Result<()> {
    let panels: Vec<_> = PANELS.iter().map(|(name, title)| (*title, bars(report, name))).filter(|(_, rows)| !rows.is_empty()).collect();
    let Some(most) = panels.iter().map(|(_, rows)| rows.len() as i32).max() else { return Ok(()) };
    let area = SVGBackend::new(file, (WIDTH as u32, (TOP + most * ROW + 16) as u32)).into_drawing_area();
    area.fill(&PAPER)?;
    write_text(&area, "CPU milliseconds for one request", (20, 16), 21, INK, HPos::Left)?;
    write_text(&area, "dark: server · light: database · shorter is better", (20, 40), 15, QUIET, HPos::Left)?;
    let width = WIDTH / panels.len() as i32;
    for (n, (title, rows)) in panels.iter().enumerate() {
        panel(&area, title, rows, n as i32 * width, width)?;
    }
    area.present()?;
    Ok(())
}
/// The rows that are shown, PostgreSQL first.
fn bars<'a>(report: &'a Report, scenario: &str) -> Vec<&'a Row> {
    let shown = |r: &&Row| r.scenario == scenario && (r.who == AGENT || r.to_limit.is_none());
    report.rows.iter().filter(shown).collect()
}
fn panel(area: &Area, title: &str, rows: &[&Row], left: i32, width: i32) -> Result<()> {
    const LABEL: i32 = 172;
    const FIGURE: i32 = 56;
    let most = rows.iter().map(|r| r.cpu_ms()).fold(0.0, f64::max).max(1e-9);
    let scale = f64::from(width - LABEL - FIGURE - 20) / most;
    let start = left + LABEL;
    write_text(area, title, (start, TOP - 24), 17, INK, HPos::Left)?;
    for (n, row) in rows.iter().enumerate() {
        let top = TOP + n as i32 * ROW;
        let (name, dark, light) = look(row);
        write_text(area, &format!("{name}, {}", row.database), (start - 8, top + 4), 15, INK, HPos::Right)?;
        let (a, b) = (start + (row.server_ms.median * scale) as i32, start + (row.cpu_ms() * scale) as i32);
        area.draw(&Rectangle::new([(start, top), (a, top + BAR)], dark.filled()))?;
        area.draw(&Rectangle::new([(a, top), (b.max(a), top + BAR)], light.filled()))?;
        write_text(area, &format!("{:.2}", row.cpu_ms()), (b + 6, top + 4), 15, INK, HPos::Left)?;
    }
    area.draw(&Rectangle::new([(start, TOP - 4), (start + 1, TOP + rows.len() as i32 * ROW - ROW + BAR + 4)], RULE.filled()))?;
    Ok(())
}
/// Name and colours of a server.
fn look(row: &Row) -> (&'static str, RGBColor, RGBColor) {
    match row.who.as_str() {
        AGENT => ("Switchboard", RGBColor(15, 118, 110), RGBColor(94, 194, 183)),
        "PostGraphile" => ("PostGraphile", RGBColor(180, 83, 9), RGBColor(240, 176, 96)),
        _ => ("by hand", RGBColor(75, 85, 99), RGBColor(176, 184, 196)),
    }
}
fn write_text(area: &Area, text: &str, at: (i32, i32), size: i32, color: RGBColor, side: HPos) -> Result<()> {
    let style = TextStyle::from(("sans-serif", size).into_font()).color(&color).pos(Pos::new(side, VPos::Top));
    area.draw(&Text::new(text, at, style))?;
    Ok(())
}
